package brainpool_test

import (
	"bytes"
	"math/big"
	"testing"

	"pivot/shared/brainpool"
)

// ecdhVector is a key agreement: two private keys, their public keys x, y, and
// the shared point x, y.
type ecdhVector struct {
	name       string
	curve      *brainpool.Curve
	dA, xA, yA string
	dB, xB, yB string
	xZ, yZ     string
}

var ecdhVectors = []ecdhVector{
	{
		name:  "RFC 7027 A.1",
		curve: brainpool.P256r1(),
		dA:    "81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D",
		xA:    "44106E913F92BC02A1705D9953A8414DB95E1AAA49E81D9E85F929A8E3100BE5",
		yA:    "8AB4846F11CACCB73CE49CBDD120F5A900A69FD32C272223F789EF10EB089BDC",
		dB:    "55E40BC41E37E3E2AD25C3C6654511FFA8474A91A0032087593852D3E7D76BD3",
		xB:    "8D2D688C6CF93E1160AD04CC4429117DC2C41825E1E9FCA0ADDD34E6F1B39F7B",
		yB:    "990C57520812BE512641E47034832106BC7D3E8DD0E4C7F1136D7006547CEC6A",
		xZ:    "89AFC39D41D3B327814B80940B042590F96556EC91E6AE7939BCE31F3A18BF2B",
		yZ:    "49C27868F4ECA2179BFD7D59B1E3BF34C1DBDE61AE12931648F43E59632504DE",
	},
	{
		name:  "RFC 7027 A.2",
		curve: brainpool.P384r1(),
		dA:    "1E20F5E048A5886F1F157C74E91BDE2B98C8B52D58E5003D57053FC4B0BD65D6F15EB5D1EE1610DF870795143627D042",
		xA:    "68B665DD91C195800650CDD363C625F4E742E8134667B767B1B476793588F885AB698C852D4A6E77A252D6380FCAF068",
		yA:    "55BC91A39C9EC01DEE36017B7D673A931236D2F1F5C83942D049E3FA20607493E0D038FF2FD30C2AB67D15C85F7FAA59",
		dB:    "032640BC6003C59260F7250C3DB58CE647F98E1260ACCE4ACDA3DD869F74E01F8BA5E0324309DB6A9831497ABAC96670",
		xB:    "4D44326F269A597A5B58BBA565DA5556ED7FD9A8A9EB76C25F46DB69D19DC8CE6AD18E404B15738B2086DF37E71D1EB4",
		yB:    "62D692136DE56CBE93BF5FA3188EF58BC8A3A0EC6C1E151A21038A42E9185329B5B275903D192F8D4E1F32FE9CC78C48",
		xZ:    "0BD9D3A7EA0B3D519D09D8E48D0785FB744A6B355E6304BC51C229FBBCE239BBADF6403715C35D4FB2A5444F575D4F42",
		yZ:    "0DF213417EBE4D8E40A5F76F66C56470C489A3478D146DECF6DF0D94BAE9E598157290F8756066975F1DB34B2324B7BD",
	},
	{
		name:  "RFC 7027 A.3",
		curve: brainpool.P512r1(),
		dA: "16302FF0DBBB5A8D733DAB7141C1B45ACBC8715939677F6A56850A38BD87BD59" +
			"B09E80279609FF333EB9D4C061231FB26F92EEB04982A5F1D1764CAD57665422",
		xA: "0A420517E406AAC0ACDCE90FCD71487718D3B953EFD7FBEC5F7F27E28C614999" +
			"9397E91E029E06457DB2D3E640668B392C2A7E737A7F0BF04436D11640FD09FD",
		yA: "72E6882E8DB28AAD36237CD25D580DB23783961C8DC52DFA2EC138AD472A0FCE" +
			"F3887CF62B623B2A87DE5C588301EA3E5FC269B373B60724F5E82A6AD147FDE7",
		dB: "230E18E1BCC88A362FA54E4EA3902009292F7F8033624FD471B5D8ACE49D12CF" +
			"ABBC19963DAB8E2F1EBA00BFFB29E4D72D13F2224562F405CB80503666B25429",
		xB: "9D45F66DE5D67E2E6DB6E93A59CE0BB48106097FF78A081DE781CDB31FCE8CCB" +
			"AAEA8DD4320C4119F1E9CD437A2EAB3731FA9668AB268D871DEDA55A5473199F",
		yB: "2FDC313095BCDD5FB3A91636F07A959C8E86B5636A1E930E8396049CB481961D" +
			"365CC11453A06C719835475B12CB52FC3C383BCE35E27EF194512B71876285FA",
		xZ: "A7927098655F1F9976FA50A9D566865DC530331846381C87256BAF3226244B76" +
			"D36403C024D7BBF0AA0803EAFF405D3D24F11A9B5C0BEF679FE1454B21C4CD1F",
		yZ: "7DB71C3DEF63212841C463E881BDCF055523BD368240E6C3143BD8DEF8B3B322" +
			"3B95E0F53082FF5E412F4222537A43DF1C6D25729DDB51620A832BE6A26680A2",
	},
	{
		name:  "RFC 6932, brainpoolP256r1",
		curve: brainpool.P256r1(),
		dA:    "041EB8B1E2BC681BCE8E39963B2E9FC415B05283313DD1A8BCC055F11AE49699",
		xA:    "78028496B5ECAAB3C8B6C12E45DB1E02C9E4D26B4113BC4F015F60C5CCC0D206",
		yA:    "A2AE1762A3831C1D20F03F8D1E3C0C39AFE6F09B4D44BBE80CD100987B05F92B",
		dB:    "06F5240EACDB9837BC96D48274C8AA834B6C87BA9CC3EEDD81F99A16B8D804D3",
		xB:    "8E07E219BA588916C5B06AA30A2F464C2F2ACFC1610A3BE2FB240B635341F0DB",
		yB:    "148EA1D7D1E7E54B9555B6C9AC90629C18B63BEE5D7AA6949EBBF47B24FDE40D",
		xZ:    "05E940915549E9F6A4A75693716E37466ABA79B4BF2919877A16DD2CC2E23708",
		yZ:    "6BC23B6702BC5A019438CEEA107DAAD8B94232FFBBC350F3B137628FE6FD134C",
	},
}

func TestAgreementVectors(t *testing.T) {
	t.Parallel()
	for _, v := range ecdhVectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			a, b := parseScalar(t, v.curve, unhex(t, v.dA)), parseScalar(t, v.curve, unhex(t, v.dB))
			qa, qb := unhex(t, "04"+v.xA+v.yA), unhex(t, "04"+v.xB+v.yB)
			z := unhex(t, "04"+v.xZ+v.yZ)
			if got := v.curve.BaseMul(a).Bytes(); !bytes.Equal(got, qa) {
				t.Errorf("public key of A = %x", got)
			}
			if got := v.curve.BaseMul(b).Bytes(); !bytes.Equal(got, qb) {
				t.Errorf("public key of B = %x", got)
			}
			for _, side := range []struct {
				k    *brainpool.Scalar
				peer []byte
			}{{a, qb}, {b, qa}} {
				peer := parsePoint(t, v.curve, side.peer)
				if got := peer.Mul(side.k).Bytes(); !bytes.Equal(got, z) {
					t.Errorf("shared point = %x", got)
				}
				x, err := brainpool.SharedX(side.k, peer)
				if err != nil || !bytes.Equal(x, unhex(t, v.xZ)) {
					t.Errorf("shared x = %x, %v", x, err)
				}
			}
		})
	}
}

func parseScalar(t testing.TB, c *brainpool.Curve, b []byte) *brainpool.Scalar {
	t.Helper()
	k, err := c.ParseScalar(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parsePoint(t testing.TB, c *brainpool.Curve, b []byte) *brainpool.Point {
	t.Helper()
	p, err := c.ParsePoint(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestGenericMapping is the worked example of ICAO 9303-11 Appendix G.1: the
// mapped generator s*G + H and the agreement over it.
func TestGenericMapping(t *testing.T) {
	t.Parallel()
	c := brainpool.P256r1()
	nonce := make([]byte, 32)
	copy(nonce[16:], unhex(t, "3F00C4D39D153F2B2A214A078D899B22"))
	private := parseScalar(t, c, unhex(t, "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99"))
	chip := parsePoint(t, c, unhex(t, "04 824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"+
		"30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54"))
	if got, want := c.BaseMul(private).Bytes(), unhex(t, "04 7ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E"+
		"544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D"); !bytes.Equal(got, want) {
		t.Errorf("mapping key = %x", got)
	}
	h := chip.Mul(private)
	if want := unhex(t, "04 60332EF2450B5D247EF6D3868397D398852ED6E8CAF6FFEEF6BF85CA57057FD5"+
		"0840CA7415BAF3E43BD414D35AA4608B93A2CAF3A4E3EA4E82C9C13D03EB7181"); !bytes.Equal(h.Bytes(), want) {
		t.Errorf("H = %x", h.Bytes())
	}
	mapped := c.BaseMul(parseScalar(t, c, nonce)).Add(h)
	if want := unhex(t, "04 8CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E2"+
		"8C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522"); !bytes.Equal(mapped.Bytes(), want) {
		t.Errorf("mapped generator = %x", mapped.Bytes())
	}
	ephemeral := parseScalar(t, c, unhex(t, "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595"))
	if got, want := mapped.Mul(ephemeral).Bytes(), unhex(t, "04 2DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C"+
		"3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462"); !bytes.Equal(got, want) {
		t.Errorf("public key = %x", got)
	}
	peer := parsePoint(t, c, unhex(t, "04 9E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB"+
		"7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094"))
	if got, err := brainpool.SharedX(ephemeral, peer); err != nil ||
		!bytes.Equal(got, unhex(t, "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925")) {
		t.Errorf("shared secret = %x, %v", got, err)
	}
}

// TestIntegratedMapping is the worked example of ICAO 9303-11 Appendix H.1.
func TestIntegratedMapping(t *testing.T) {
	t.Parallel()
	c := brainpool.P256r1()
	generator := unhex(t, "04 8E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427"+
		"4C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD")
	for name, u := range map[string]string{
		"R(s,t)":       "E4447E2DFB3586BAC05DDB00156B57FBB2179A3949294C97254189800C517BAA8DA0FF397ED8C445D3E421E4FEB57322",
		"R(s,t) mod p": "A2F8FF2DF50E52C6599F386ADCB595D229F6A167ADE2BE5F2C3296ADD5B7430E",
	} {
		p, err := c.MapToPoint(unhex(t, u))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Bytes(), generator) {
			t.Errorf("%s maps to %x", name, p.Bytes())
		}
	}
	mapped := parsePoint(t, c, generator)
	terminal := parseScalar(t, c, unhex(t, "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595"))
	chip := parseScalar(t, c, unhex(t, "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A"))
	if got, want := mapped.Mul(terminal).Bytes(), unhex(t, "04 89CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D4"+
		"6755DE9B7B778280B6BEBD57439ADFEB0E21FD4ED6DF42578C13418A59B34C37"); !bytes.Equal(got, want) {
		t.Errorf("terminal's public key = %x", got)
	}
	peer := mapped.Mul(chip)
	if want := unhex(t, "04 67F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8"+
		"932B69A962B52A0985AD2C0A271EE6A13A8ADDDCD1A3A994B9DED257F4D22753"); !bytes.Equal(peer.Bytes(), want) {
		t.Errorf("chip's public key = %x", peer.Bytes())
	}
	if got, err := brainpool.SharedX(terminal, peer); err != nil ||
		!bytes.Equal(got, unhex(t, "4F150FDE1D4F0E38E95017B891BAE17133A0DF45B0D3E18B60BA7BEAFDC2C713")) {
		t.Errorf("shared secret = %x, %v", got, err)
	}
}

// TestLeadingZeros: the numbers are the smallest multiples of each generator
// whose x coordinate begins with a zero octet (two on P-521, whose first octet
// is nearly always zero). Its length must not shrink, or the derived keys differ.
func TestLeadingZeros(t *testing.T) {
	t.Parallel()
	multiples := map[string]int64{
		"brainpoolP256r1": 856, "brainpoolP384r1": 98, "brainpoolP512r1": 6, "P-256": 379, "P-384": 197, "P-521": 273,
	}
	onEach(t, func(t *testing.T, r reference) {
		k := big.NewInt(multiples[r.curve.Name()])
		half := new(big.Int).ModInverse(big.NewInt(2), r.oracle.Params().N)
		// The same point as an agreement: (k/2) times 2G.
		peer := r.parse(t, r.base(big.NewInt(2)))
		x, err := brainpool.SharedX(r.scalar(t, half.Mul(half, k)), peer)
		if err != nil {
			t.Fatal(err)
		}
		zeros := 1
		if r.curve.ByteLen() == 66 {
			zeros = 2
		}
		if len(x) != r.curve.ByteLen() || !bytes.Equal(x[:zeros], make([]byte, zeros)) {
			t.Fatalf("x = %x", x)
		}
		if want := r.base(k)[1 : 1+len(x)]; !bytes.Equal(x, want) {
			t.Errorf("x = %x, want %x", x, want)
		}
		p := r.curve.BaseMul(r.scalar(t, k))
		if !bytes.Equal(p.X(), x) || len(p.Bytes()) != 1+2*r.curve.ByteLen() {
			t.Errorf("point = %x", p.Bytes())
		}
	})
}
