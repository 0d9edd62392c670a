package cardsim_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
)

var (
	kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	six   = regexp.MustCompile(`^[0-9]{6}$`)
)

// TestPersonas builds every row of the table.
func TestPersonas(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, p := range cardsim.Personas() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			card := simtest.Card(t, p.Name)
			if n := len(card.ATR()); n < 2 || n > 33 {
				t.Errorf("an ATR of %d bytes", n)
			}
		})
		if seen[p.Name] || !kebab.MatchString(p.Name) || !six.MatchString(p.CAN) || p.Doc == "" {
			t.Errorf("row %q: CAN %q, doc %q, there twice: %t", p.Name, p.CAN, p.Doc, seen[p.Name])
		}
		if p.Expect != "" && !kebab.MatchString(p.Expect) || strings.HasSuffix(p.Doc, ".") {
			t.Errorf("row %q: expects %q, doc %q", p.Name, p.Expect, p.Doc)
		}
		if p.Fault == "" && p.Expect != "" {
			t.Errorf("row %q is genuine and expects %q", p.Name, p.Expect)
		}
		seen[p.Name] = true
	}
	if first := cardsim.Personas()[0]; first.Name != "genuine" || first.CAN != "123456" || first.Profile != "cnie-2021" {
		t.Errorf("the default is %+v", first)
	}
}

func TestFindPersona(t *testing.T) {
	t.Parallel()
	p, err := cardsim.FindPersona("clone")
	if err != nil || p.Expect != "chip-not-genuine" {
		t.Errorf("got %+v, %v", p, err)
	}
	_, err = cardsim.FindPersona("klone")
	if err == nil || !strings.Contains(err.Error(), `"klone"`) || !strings.Contains(err.Error(), "clone-lazy") {
		t.Errorf("the error does not list what is known: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	base, err := cardsim.FindPersona("genuine")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(p *cardsim.Persona)
		want   string
	}{
		"nothing": {func(*cardsim.Persona) {}, ""},
		"profile": {func(p *cardsim.Persona) { p.Profile = "passport" }, `unknown profile "passport"`},
		"citizen": {func(p *cardsim.Persona) { p.Citizen = "nobody" }, `unknown citizen "nobody"`},
		"fault":   {func(p *cardsim.Persona) { p.Fault = "melted" }, `unknown fault "melted"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := base
			tt.change(&p)
			_, err := cardsim.New(simtest.PKI(t), p)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestCitizens checks what the table promises: unique numbers, and fields that documents can carry.
func TestCitizens(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	birth := regexp.MustCompile(`^[0-9]{4}-([0-9]{2}|\?\?)-([0-9]{2}|\?\?)$`)
	for _, c := range cardsim.Citizens() {
		if seen[c.Key] || seen[c.Number] || seen[c.CAN] {
			t.Errorf("%s: key, number or CAN is there twice", c.Key)
		}
		seen[c.Key], seen[c.Number], seen[c.CAN] = true, true, true
		if len(c.Number) != 9 || !six.MatchString(c.CAN) || !birth.MatchString(c.Birth) || len(c.Address) != 3 || c.Height < 100 {
			t.Errorf("%s: %+v", c.Key, c)
		}
		if !utf8.ValidString(c.Surname) || c.Surname == "" || c.BirthPlace.Town == "" || c.BirthPlace.Country == "" {
			t.Errorf("%s: name or place of birth", c.Key)
		}
		if c.State == "" && (len(c.BirthPlace.Code) != 5 || c.BirthPlace.Department != "" && !strings.HasPrefix(c.BirthPlace.Code, c.BirthPlace.Department)) {
			t.Errorf("%s: place %+v", c.Key, c.BirthPlace)
		}
	}
	if len(cardsim.Citizens()) < 12 {
		t.Errorf("%d citizens, at least 12", len(cardsim.Citizens()))
	}
}

// TestATR checks the form of every ATR that is meant to be one (ISO/IEC 7816-3 §8.2): its length and its check byte.
func TestATR(t *testing.T) {
	t.Parallel()
	for _, p := range cardsim.Personas() {
		atr := simtest.Card(t, p.Name).ATR()
		if well := wellFormed(atr); well != (p.Name != "atr-garbage") {
			t.Errorf("%s: ATR %x well formed: %t", p.Name, atr, well)
		}
		if p.Name == "atr-33" && len(atr) != 33 {
			t.Errorf("the longest ATR has %d bytes", len(atr))
		}
	}
}

func wellFormed(atr []byte) bool {
	if len(atr) < 2 || atr[0] != 0x3B && atr[0] != 0x3F {
		return false
	}
	at, next, check := 2, atr[1]>>4, false
	for {
		for bit := range 3 {
			at += int(next >> bit & 1)
		}
		if next&8 == 0 {
			break
		}
		if at >= len(atr) {
			return false
		}
		check = check || atr[at]&15 != 0
		next = atr[at] >> 4
		at++
	}
	at += int(atr[1] & 15)
	if !check {
		return at == len(atr)
	}
	var sum byte
	for _, b := range atr[1:] {
		sum ^= b
	}
	return at+1 == len(atr) && sum == 0
}
