package txn_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/assurance"
	"pivot/server/internal/txn"
)

func TestNewRequest(t *testing.T) {
	t.Parallel()
	without := params()
	without.State, without.Claims, without.Prompt, without.Challenge, without.Locale = "", nil, "", "", ""
	for name, p := range map[string]txn.Params{"full": params(), "without options": without, "bare": bare(), "widest": widest()} {
		r, err := txn.NewRequest(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(p, r.Params()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if r.Issuer() != p.Issuer || r.Client() != p.Client || r.Level() != p.Level {
			t.Errorf("%s: %s %s %s", name, r.Issuer(), r.Client(), r.Level())
		}
	}
}

// TestRequestIsClosed: neither the caller's slices nor those given out reach into it.
func TestRequestIsClosed(t *testing.T) {
	t.Parallel()
	p := params()
	r, err := txn.NewRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Scopes[1], p.Claims[0] = "email", "x"
	r.Params().Scopes[1], r.Params().Claims[0] = "email", "x"
	if diff := cmp.Diff(params(), r.Params()); diff != "" {
		t.Error(diff)
	}
}

// TestNewRequestRefuses changes one value of a request that is valid.
func TestNewRequestRefuses(t *testing.T) {
	t.Parallel()
	many := func(n int, word string) []string {
		list := []string{"openid"}
		for i := range n {
			list = append(list, word+strconv.Itoa(1000+i))
		}
		return list
	}
	for _, tc := range []struct {
		name   string
		change func(*txn.Params)
		want   string
	}{
		{"no profile", func(p *txn.Params) { p.Profile = 0 }, "profile"},
		{"unknown profile", func(p *txn.Params) { p.Profile = 3 }, "profile"},
		{"no issuer", func(p *txn.Params) { p.Issuer = "" }, "issuer"},
		{"long issuer", func(p *txn.Params) { p.Issuer = strings.Repeat("i", 513) }, "issuer"},
		{"no client", func(p *txn.Params) { p.Client = "" }, "client_id"},
		{"a control character in the client", func(p *txn.Params) { p.Client = "c\x00" }, "client_id"},
		{"long client", func(p *txn.Params) { p.Client = strings.Repeat("c", 257) }, "client_id"},
		{"no address", func(p *txn.Params) { p.RedirectURI = "" }, "redirect_uri"},
		{"a header in the address", func(p *txn.Params) { p.RedirectURI += "\r\nSet-Cookie:x" }, "redirect_uri"},
		{"an address beyond ASCII", func(p *txn.Params) { p.RedirectURI += "é" }, "redirect_uri"},
		{"long address", func(p *txn.Params) { p.RedirectURI = strings.Repeat("r", 2049) }, "redirect_uri"},
		{"long state", func(p *txn.Params) { p.State = strings.Repeat("s", 4097) }, "state"},
		{"a space as nonce", func(p *txn.Params) { p.Nonce = " " }, "nonce"},
		{"short nonce", func(p *txn.Params) { p.Nonce = strings.Repeat("n", 21) }, "nonce"},
		{"long nonce", func(p *txn.Params) { p.Nonce = strings.Repeat("n", 4097) }, "nonce"},
		{"no scope", func(p *txn.Params) { p.Scopes = nil }, "scope"},
		{"no openid", func(p *txn.Params) { p.Scopes = []string{"email"} }, "scope"},
		{"an empty scope", func(p *txn.Params) { p.Scopes = []string{"openid", ""} }, "scope"},
		{"two scopes in one", func(p *txn.Params) { p.Scopes = []string{"openid", "a b"} }, "scope"},
		{"a scope twice", func(p *txn.Params) { p.Scopes = []string{"openid", "openid"} }, "scope"},
		{"a long scope", func(p *txn.Params) { p.Scopes = []string{"openid", strings.Repeat("s", 129)} }, "scope"},
		{"too many scopes", func(p *txn.Params) { p.Scopes = many(255, "") }, "scope"},
		{"too much scope", func(p *txn.Params) { p.Scopes = many(64, strings.Repeat("s", 124)) }, "scope"},
		{"a claim twice", func(p *txn.Params) { p.Claims = []string{"a", "a"} }, "claims"},
		{"too many claims", func(p *txn.Params) { p.Claims = many(255, "") }, "claims"},
		{"no level", func(p *txn.Params) { p.Level = 0 }, "acr_values"},
		{"a level that plus does not serve", func(p *txn.Params) { p.Level = assurance.Low }, "acr_values"},
		{"a level beyond", func(p *txn.Params) { p.Level = assurance.High + 1 }, "acr_values"},
		{"a level that standard does not serve", func(p *txn.Params) { p.Profile = txn.Standard }, "acr_values"},
		{"prompt none", func(p *txn.Params) { p.Prompt = "none" }, "prompt"},
		{"prompt login twice", func(p *txn.Params) { p.Prompt = "login login" }, "prompt"},
		{"a short challenge", func(p *txn.Params) { p.Challenge = p.Challenge[1:] }, "code_challenge"},
		{"a padded challenge", func(p *txn.Params) { p.Challenge += "=" }, "code_challenge"},
		{"a challenge over two lines", func(p *txn.Params) { p.Challenge = p.Challenge[:20] + "\n" + p.Challenge[20:] }, "code_challenge"},
		{"a challenge that is not canonical", func(p *txn.Params) { p.Challenge = p.Challenge[:42] + "B" }, "code_challenge"},
		{"a long locale", func(p *txn.Params) { p.Locale = strings.Repeat("l", 129) }, "ui_locales"},
		{"markup in the locale", func(p *txn.Params) { p.Locale = "fr\n<b>" }, "ui_locales"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := params()
			tc.change(&p)
			r, err := txn.NewRequest(p)
			if err == nil || !strings.Contains(err.Error(), ": "+tc.want+" ") {
				t.Fatalf("error %v, want one about %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("the error quotes a value: %q", err)
			}
			if _, _, err := r.Begin(txn.NewID(), browser(), start); err == nil {
				t.Error("a refused request began a transaction")
			}
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[fmt.Stringer]string{
		txn.Plus: "plus", txn.Standard: "standard", txn.Profile(0): "none", txn.Notice(0): "none",
		txn.NoticeConsented: "consented", txn.NoticeInformed: "informed", txn.NoticeSkipped: "skipped",
	} {
		if got.String() != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRedacted: whatever prints a state, a request or a redemption, no name and no secret shows.
func TestRedacted(t *testing.T) {
	t.Parallel()
	values := []any{params(), newLogin(t).request(), redemption()}
	for _, s := range states(t) {
		values = append(values, s)
	}
	_, _, err := newLogin(t).granted().Redeem(txn.Redemption{Verifier: verifier, Token: hash("token")}, start)
	values = append(values, err, fmt.Errorf("redeem: %w", err))
	var out bytes.Buffer
	// Without the time of the record: its digits may be those of a secret.
	timeless := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	text, lines := slog.New(slog.NewTextHandler(&out, timeless)), slog.New(slog.NewJSONHandler(&out, timeless))
	for _, v := range values {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, format+"\n", v)
			fmt.Fprintf(&out, format+"\n", []any{v})
			fmt.Fprintf(&out, format+"\n", struct{ Field any }{v})
		}
		text.Info("value", "v", v)
		lines.Info("value", "v", v)
		lines.Info("value", "v", struct{ Field any }{v})
	}
	printed := strings.ToLower(out.String())
	for _, secret := range []string{secretName, secretNonce, secretState, verifier, "angela", "1962", "75107", challenge()} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%d", []byte(secret))} {
			if strings.Contains(printed, strings.ToLower(strings.Trim(form, "[]"))) {
				t.Errorf("%q shows as %q", secret, form)
			}
		}
	}
	for _, digest := range [][32]byte{browser(), hash("code"), hash("token")} {
		for _, form := range []string{fmt.Sprintf("%x", digest[:8]), fmt.Sprint(digest[:8])} {
			if strings.Contains(printed, strings.Trim(form, "[]")) {
				t.Errorf("a hash shows as %q", form)
			}
		}
	}
	for _, seen := range []string{"client-1 redacted", "transaction(", "redemption(", "code-other-client"} {
		if !strings.Contains(printed, seen) {
			t.Errorf("%q was not printed", seen)
		}
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	id, other := txn.NewID(), txn.NewID()
	if id == other || id.IsZero() || len(id.String()) != 43 {
		t.Errorf("identifiers %s and %s", id, other)
	}
	if got, err := txn.ParseID(id.String()); err != nil || got != id {
		t.Errorf("%s: %s, %v", id, got, err)
	}
	valid := id.String()
	for _, s := range []string{
		"", valid[1:], valid + "A", valid + "=", " " + valid[1:], valid[:20] + "\n" + valid[21:], valid[:42] + "B" /* bits behind the end */, "+" + valid[1:],
		strings.Repeat("A", 43),
	} {
		if got, err := txn.ParseID(s); err == nil {
			t.Errorf("%q read as %s", s, got)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(txn.NewID().String())
	f.Add(strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := txn.ParseID(s); err == nil && (id.String() != s || id.IsZero()) {
			t.Errorf("%q read as %s", s, id)
		}
	})
}
