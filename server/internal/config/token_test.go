package config_test

import (
	"strings"
	"testing"

	"pivot/server/internal/config"
)

// hsm is base with signing keys in a token.
const hsm = `keys.kek_file = "/etc/pivot/kek"
keys.pkcs11_module = "/usr/lib/softhsm/libsofthsm2.so"
keys.pkcs11_token = "pivot signing"
keys.pkcs11_pin_file = "pin"
`

func withToken(t *testing.T) string {
	t.Helper()
	return changed(t, base, "keys.kek_file = \"/etc/pivot/kek\"\n", hsm)
}

func TestToken(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("/etc/pivot/pivot.toml", []byte(withToken(t)))
	if err != nil {
		t.Fatal(err)
	}
	if want := (config.Token{Module: "/usr/lib/softhsm/libsofthsm2.so", Label: "pivot signing", PIN: "/etc/pivot/pin"}); c.Token() != want {
		t.Errorf("%+v", c.Token())
	}
	if c, err = config.Parse("pivot.toml", []byte(base)); err != nil || c.Token() != (config.Token{}) {
		t.Errorf("a token that nobody wrote: %+v, %v", c.Token(), err)
	}
	for name, change := range map[string][2]string{
		"credential":    {`"pin"`, `"credential:pivot-pin"`},
		"longest label": {"pivot signing", strings.Repeat("a", 32)},
	} {
		if _, err := config.Parse("pivot.toml", []byte(changed(t, withToken(t), change[0], change[1]))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	const together = ": required: pkcs11_module, pkcs11_token and pkcs11_pin_file are given together or not at all"
	for name, c := range map[string]struct {
		change [2]string
		want   string
	}{
		"no module":        {[2]string{"keys.pkcs11_module = \"/usr/lib/softhsm/libsofthsm2.so\"\n", ""}, "keys.pkcs11_module" + together},
		"no label":         {[2]string{"keys.pkcs11_token = \"pivot signing\"\n", ""}, "keys.pkcs11_token" + together},
		"no PIN":           {[2]string{"keys.pkcs11_pin_file = \"pin\"\n", ""}, "keys.pkcs11_pin_file" + together},
		"relative module":  {[2]string{"/usr/lib/softhsm/", ""}, "4:6: keys.pkcs11_module: want an absolute path"},
		"zero byte":        {[2]string{"/usr/lib/softhsm/", `/usr\u0000/`}, "4:6: keys.pkcs11_module: want an absolute path"},
		"long label":       {[2]string{"pivot signing", strings.Repeat("a", 33)}, "5:6: keys.pkcs11_token: want the label of a token"},
		"space at the end": {[2]string{"pivot signing", "pivot "}, "5:6: keys.pkcs11_token: want the label of a token"},
		"accent":           {[2]string{"pivot signing", "clé"}, "5:6: keys.pkcs11_token: want the label of a token"},
		"PIN in clear":     {[2]string{"pkcs11_pin_file", "pkcs11_pin"}, "6:6: keys.pkcs11_pin: unknown key; pkcs11_pin_file is one that exists"},
		"PIN in data":      {[2]string{`"pin"`, `"/var/lib/pivot/pin"`}, "6:6: keys.pkcs11_pin_file: want it outside data_dir"},
		"credential path":  {[2]string{`"pin"`, `"credential:../pin"`}, "6:6: keys.pkcs11_pin_file: want credential: and the name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse("pivot.toml", []byte(changed(t, withToken(t), c.change[0], c.change[1])))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
