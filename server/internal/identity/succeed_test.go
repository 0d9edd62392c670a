package identity_test

import (
	"bytes"
	"testing"

	"pivot/server/internal/identity"
)

// TestB6PreviousSubjectWins: the register corrects a name; services go on knowing the person by the subject of before.
func TestB6PreviousSubjectWins(t *testing.T) {
	t.Parallel()
	key, err := identity.ParseSubjectKey("0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	subject := func(i identity.Identity) string {
		t.Helper()
		sub, err := key.Subject("entity-of-a-service", i.Hash())
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	named := func(family string) identity.Identity {
		t.Helper()
		i, err := identity.New(identity.Fields{
			GivenName: "Helene", FamilyName: family, Gender: "female", Birthdate: "1985-03-14", Birthcountry: "99100",
			Birthplace: "69383", Email: "helene@example.org",
		})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first, second, third := named("Dupond"), named("Dupont"), named("Dupont-Durand")
	if subject(first) == subject(second) {
		t.Fatal("control: another name has another subject")
	}
	corrected := second.Succeed(first)
	again := third.Succeed(corrected)
	for name, i := range map[string]identity.Identity{"corrected": corrected, "corrected twice": again} {
		if subject(i) != subject(first) {
			t.Errorf("%s: another subject", name)
		}
		read, err := identity.Parse(i.Encode())
		if err != nil || subject(read) != subject(first) || !bytes.Equal(read.Encode(), i.Encode()) {
			t.Errorf("%s: stored and read: %v", name, err)
		}
	}
	if back := first.Succeed(again); !bytes.Equal(back.Encode(), first.Encode()) {
		t.Error("corrected back: it needs no memory of itself")
	}
	if same := first.Succeed(first); !bytes.Equal(same.Encode(), first.Encode()) {
		t.Error("unchanged: the encoding changed")
	}
	if !(identity.Identity{}).Succeed(first).IsZero() {
		t.Error("nobody became somebody")
	}
	forged := bytes.Clone(corrected.Encode())
	forged[5] = '!' // in the hash
	if _, err := identity.Parse(forged); err == nil {
		t.Error("a hash that is none was read")
	}
}
