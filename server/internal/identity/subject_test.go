package identity_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"pivot/server/internal/identity"
)

// The vectors are those of FranceConnect's public test fixtures, recomputed; the
// bridge's and the account's were computed by OpenSSL and by Python's hmac.
const (
	vectorEntity  = "a0cd64372db6ecf39c317c0c74ce90f02d8ad7d510ce054883b759d666a996bc"
	vectorKey     = "9ed64cd3762973c8a5219e0774671940a3550ae1050af86831d613193e825caa"
	vectorSubject = "34f4e38b510841db1a83716b981f7298badec51dc52e91af245903b56e2d72bbv1"
	bridgeVector  = "iAx2FdHtHtkdniZCSFoxy9Vk0OytnipgcCVN8zxarR0="
	accountVector = "660c44ec0015135d8d374316f4078be740943f76ad1013a91418bef8cb616b5b"
)

func person(given, family, birthdate, gender, place, country string) identity.Fields {
	return identity.Fields{
		GivenName: given, FamilyName: family, Birthdate: birthdate, Gender: gender,
		Birthplace: place, Birthcountry: country, Email: "test@example.org",
	}
}

func TestHashVectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fields identity.Fields
		want   string
	}{
		{person("Joëlle Françoise", "DUBINÔRE", "1992-08-15", "female", "75117", "99100"), "J2WdqlpnUQ1WxMA3BngwBCPo0Al6bxKgBb/PVNZlZZs="},
		{person("Jeanne", "DURAND", "1962-08-24", "female", "75107", "99100"), "ieFUFlBzMSDN+mz+DSHCjgmaPbOd2OPRsSP4QbUMvxE="},
		{person("Angela Claire Louise", "DUBOIS", "1962-08-24", "female", "75107", "99100"), "Sr1x7B9YHc4uoiIcvqx8lzxq6nvLg1rN/n1klPFSgGA="},
	}
	for _, tt := range tests {
		if got := must(t, tt.fields).Hash(); identity.HashText(got) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.fields.FamilyName, identity.HashText(got), tt.want)
		}
	}
}

// TestSubjectVector is row B6: bit for bit on the vector of franceconnect.md 2.4.
func TestSubjectVector(t *testing.T) {
	t.Parallel()
	key, err := identity.ParseSubjectKey(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	i := must(t, joelle())
	sub, err := key.Subject(vectorEntity, i.Hash())
	if err != nil || sub != vectorSubject {
		t.Fatalf("got %s, %v", sub, err)
	}
	if other, err := key.Subject(strings.Repeat("e", 64), i.Hash()); err != nil || other == sub || len(other) != 66 {
		t.Errorf("another entity: %s, %v", other, err)
	}
	var noKey identity.SubjectKey
	for name, refused := range map[string]func() (string, error){
		"no entity": func() (string, error) { return key.Subject("", i.Hash()) },
		"nobody":    func() (string, error) { return key.Subject(vectorEntity, identity.Hash{}) },
		"no key":    func() (string, error) { return noKey.Subject(vectorEntity, i.Hash()) },
	} {
		if sub, err := refused(); err == nil || sub != "" {
			t.Errorf("%s: got %q", name, sub)
		}
	}
}

// The weaknesses are kept on purpose: a subject must not change under us.
func TestHashOf(t *testing.T) {
	t.Parallel()
	base := joelle()
	base.Register = nil
	hash := func(change func(f *identity.Fields)) string {
		f := base
		change(&f)
		return identity.HashText(must(t, f).Hash())
	}
	plain := hash(func(*identity.Fields) {})
	same := func(a, b func(f *identity.Fields)) bool { return hash(a) == hash(b) }
	named := func(s string) func(f *identity.Fields) { return func(f *identity.Fields) { f.FamilyName = s } }
	tests := []struct {
		name      string
		got, want bool
	}{
		{"a name counts", hash(named("DURAND")) == plain, false},
		{"œ is its low octet, S", same(named("Cœur"), named("CSur")), true},
		{"ł is its low octet, B", same(named("Wał"), named("WaB")), true},
		{"a pair of surrogates is two octets", same(named("A\U00020000"), named("A@\u0100")), true},
		{"a composed accent is one octet, apart it is two", same(named("É"), named("E\u0301")), false},
		{"values join", same(
			func(f *identity.Fields) { f.GivenName, f.FamilyName = "Anne", "MARIE" },
			func(f *identity.Fields) { f.GivenName, f.FamilyName = "AnneM", "ARIE" },
		), true},
		{"an address does not count", hash(func(f *identity.Fields) { f.Email = "other@example.org" }) == plain, true},
		{"a usage name does not count", hash(func(f *identity.Fields) { f.PreferredUsername = "" }) == plain, true},
		{"a place in France counts", hash(func(f *identity.Fields) { f.Birthplace = "75118" }) == plain, false},
		{"a place abroad does not", same(
			func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", "ALGER" },
			func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", "" },
		), true},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %v", tt.name, tt.got)
		}
	}
}

// The register's values make the subject, so that it is the same whoever vouches.
func TestHashFollowsTheRegister(t *testing.T) {
	t.Parallel()
	want := must(t, joelle()).Hash()
	rectified := must(t, alter(func(f *identity.Fields) { f.GivenName, f.FamilyName = "JOELLE", "DUBINORE" }))
	if rectified.Hash() != want {
		t.Error("the provider's spelling changed the hash")
	}
	other := must(t, alter(func(f *identity.Fields) { f.Register.FamilyName = "DUBINORE" }))
	if other.Hash() == want {
		t.Error("the register's spelling did not")
	}
	partial := must(t, alter(func(f *identity.Fields) { f.Register.Birthdate = "1992" }))
	if partial.Hash() == want {
		t.Error("the register's date did not")
	}
}

func TestBridgeHash(t *testing.T) {
	t.Parallel()
	a, err := identity.BridgeHash("BE/FR/1234-abcd")
	if err != nil {
		t.Fatal(err)
	}
	// printf %s BE/FR/1234-abcd | openssl dgst -sha256 -binary | base64
	if got := identity.HashText(a); got != bridgeVector {
		t.Errorf("got %s", got)
	}
	b, err := identity.BridgeHash("BE/FR/1234-abce")
	if err != nil || a == b {
		t.Errorf("another person: %v", err)
	}
	for _, sub := range []string{"", "BE/FR/\x00", strings.Repeat("a", 300)} {
		if h, err := identity.BridgeHash(sub); err == nil || !h.IsZero() {
			t.Errorf("accepted %q", sub)
		}
	}
}

func TestParseSubjectKey(t *testing.T) {
	t.Parallel()
	for _, good := range []string{vectorKey, strings.Repeat("k", 32), strings.Repeat("~", 512)} {
		if _, err := identity.ParseSubjectKey(good); err != nil {
			t.Errorf("%d characters: %v", len(good), err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("k", 31), strings.Repeat("k", 513), vectorKey + "\n", strings.Repeat("é", 32), strings.Repeat("k", 32) + " "} {
		if _, err := identity.ParseSubjectKey(bad); err == nil || strings.Contains(err.Error(), "kkkk") {
			t.Errorf("%d characters: %v", len(bad), err)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	newKey := func(octet byte) identity.LookupKey {
		k, err := identity.NewLookupKey(bytes.Repeat([]byte{octet}, 32))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	key := newKey(1)
	account := func(k identity.LookupKey, change func(f *identity.Fields)) [32]byte {
		a, err := k.Account(must(t, alter(change)))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	unchanged := func(*identity.Fields) {}
	base := account(key, unchanged)
	if got := hex.EncodeToString(base[:]); got != accountVector {
		t.Errorf("accounts of yesterday would be lost: got %s", got)
	}
	if base == account(newKey(2), unchanged) {
		t.Error("does not depend on the key")
	}
	same := map[string]func(f *identity.Fields){
		"again":              unchanged,
		"another provider":   func(f *identity.Fields) { f.GivenName, f.Email = "Joelle", "other@example.org" },
		"register not asked": func(f *identity.Fields) { f.Register = nil },
		"accents apart":      func(f *identity.Fields) { f.Register.FamilyName = "DUBINO\u0302RE" },
		"one text, two ways to list it": func(f *identity.Fields) {
			f.Register.GivenNames = []string{"Joëlle Françoise"}
		},
	}
	for name, change := range same {
		if account(key, change) != base {
			t.Errorf("%s: another account", name)
		}
	}
	other := map[string]func(f *identity.Fields){
		"given name": func(f *identity.Fields) { f.Register.GivenNames = []string{"Joëlle"} },
		"name":       func(f *identity.Fields) { f.Register.FamilyName = "DUBINORE" },
		"case":       func(f *identity.Fields) { f.Register.FamilyName = "Dubinôre" },
		"gender":     func(f *identity.Fields) { f.Register.Gender = "unspecified" },
		"birth":      func(f *identity.Fields) { f.Register.Birthdate = "1992-08-16" },
		"unknown":    func(f *identity.Fields) { f.Register.Birthdate = "1992-08" },
		"place":      func(f *identity.Fields) { f.Register.Birthplace = "75118" },
		"country":    func(f *identity.Fields) { f.Register.Birthcountry = "99352" },
		"values that join alike": func(f *identity.Fields) {
			f.Register.GivenNames, f.Register.FamilyName = []string{"Joëlle", "FrançoiseD"}, "UBINÔRE"
		},
	}
	seen := map[[32]byte]string{base: "base"}
	for name, change := range other {
		a := account(key, change)
		if twin, taken := seen[a]; taken {
			t.Errorf("%s: the account of %s", name, twin)
		}
		seen[a] = name
	}
	// How an unknown day is written, and a place abroad, say nothing of who it is.
	abroad := func(f *identity.Fields) {
		f.Register, f.Birthdate, f.Birthcountry, f.Birthplace = nil, "1992-08-00", "99352", "ALGER"
	}
	confirmed := func(f *identity.Fields) {
		f.Register.Birthdate, f.Register.Birthcountry, f.Register.Birthplace = "1992-08", "99352", ""
	}
	if account(key, abroad) != account(key, confirmed) {
		t.Error("the same person abroad has two accounts")
	}
}

func TestAccountRefuses(t *testing.T) {
	t.Parallel()
	key, err := identity.NewLookupKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	i := must(t, joelle())
	if _, err := key.Account(i); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Account(identity.Identity{}); err == nil {
		t.Error("an account of nobody")
	}
	if _, err := (identity.LookupKey{}).Account(i); err == nil {
		t.Error("an account without a key")
	}
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := identity.NewLookupKey(make([]byte, n)); err == nil {
			t.Errorf("a key of %d octets", n)
		}
	}
}
