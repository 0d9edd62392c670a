package config_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/config"
	"pivot/server/internal/config/stricttoml"
)

var french = config.Document{State: "FRA", Country: "FR", Code: "ID"}

// TestCard: what is accepted, in which forms.
func TestCard(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, table string
		want        config.Card
	}{
		{"nothing said", "", config.Card{Accept: []config.Document{french}}},
		{"an empty table", "[card]\n", config.Card{Accept: []config.Document{french}}},
		{"two States", "[card]\naccept = [\"FRA:FR:ID\", \"D:DE:P\"]\n", config.Card{Accept: []config.Document{french, {"D", "DE", "P"}}}},
		{"another State alone", "[card]\naccept = [\"UTO:UT:ID\"]\n", config.Card{Accept: []config.Document{{"UTO", "UT", "ID"}}}},
		{
			"without lists", "[card]\ninsecure_without_fresh_crl = true\n",
			config.Card{Accept: []config.Document{french}, InsecureWithoutFreshCRL: true},
		},
	} {
		c, err := config.Parse("pivot.toml", []byte(base+test.table))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := c.Card(); !slices.Equal(got.Accept, test.want.Accept) || got.InsecureWithoutFreshCRL != test.want.InsecureWithoutFreshCRL {
			t.Errorf("%s: %+v", test.name, got)
		}
		c.Card().Accept[0].State = "XXX"
		if c.Card().Accept[0] != test.want.Accept[0] {
			t.Errorf("%s: what a caller does to its copy shows", test.name)
		}
	}
}

// TestCardRefused: each is one change of an accepted list, told at its line.
func TestCardRefused(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"small letters":       `["FRA:FR:id"]`,
		"two parts":           `["FRA:FR"]`,
		"four parts":          `["FRA:FR:ID:X"]`,
		"no State":            `[":FR:ID"]`,
		"a State of four":     `["FRAN:FR:ID"]`,
		"a country of three":  `["FRA:FRA:ID"]`,
		"a code of three":     `["FRA:FR:IDX"]`,
		"a filler":            `["D<<:DE:P"]`,
		"listed twice":        `["FRA:FR:ID", "FRA:FR:ID"]`,
		"none":                `[]`,
		"an empty one":        `[""]`,
		"more than are read":  "[" + strings.Repeat(`"FRA:FR:ID",`, 65) + "]",
		"no list":             `"FRA:FR:ID"`,
		"spaces around parts": `["FRA: FR:ID"]`,
	} {
		_, err := config.Parse("pivot.toml", []byte(base+"[card]\naccept = "+list+"\n"))
		var problems stricttoml.Problems
		if !errors.As(err, &problems) || problems[0].Line != strings.Count(base, "\n")+2 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegisterFile(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/pivot.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("/etc/pivot/pivot.toml", src)
	if err != nil || c.RegisterFile() != "/etc/pivot/register.toml" {
		t.Errorf("%q, %v", c.RegisterFile(), err)
	}
	if c, err := config.Parse("pivot.toml", []byte(base)); err != nil || c.RegisterFile() != "" {
		t.Errorf("none said: %q, %v", c.RegisterFile(), err)
	}
	if _, err := config.Parse("pivot.toml", []byte("register_file = \"\"\n"+base)); err == nil {
		t.Error("an empty name is accepted")
	}
}
