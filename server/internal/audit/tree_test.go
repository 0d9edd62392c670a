package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"pivot/server/internal/audit"
)

// leaves gives n leaves that differ.
func leaves(n int) [][32]byte {
	out := make([][32]byte, n)
	for i := range out {
		out[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	return out
}

// mth is the Merkle tree hash as RFC 6962 §2.1 defines it, word for word: the oracle of the tests.
func mth(d [][32]byte) [32]byte {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, d[0][:]...))
	}
	k := 1
	for 2*k < len(d) {
		k *= 2
	}
	left, right := mth(d[:k]), mth(d[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// stored is a log as a store keeps it.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		if i >= int64(len(s)) {
			return nil, errors.New("no such hash")
		}
		out = append(out, s[i])
	}
	return out, nil
}

// filled is a log of these leaves, and the tree beside it.
func filled(tb testing.TB, all [][32]byte) (audit.Hashes, audit.Tree) {
	tb.Helper()
	var s stored
	var tree audit.Tree
	for i, leaf := range all {
		more, err := audit.Hashes{Size: int64(i), Reader: s}.Append(leaf)
		if err != nil {
			tb.Fatal(err)
		}
		if at := tlog.StoredHashIndex(0, int64(i)); at != int64(len(s)) {
			tb.Fatalf("leaf %d goes to %d, not %d", i, at, len(s))
		}
		s = append(s, more...)
		tree = tree.Append(leaf)
	}
	return audit.Hashes{Size: int64(len(all)), Reader: s}, tree
}

func TestTreeAgreesWithTheNorm(t *testing.T) {
	t.Parallel()
	for n := range 70 {
		all := leaves(n)
		hashes, tree := filled(t, all)
		root, err := hashes.Root()
		if err != nil {
			t.Fatal(err)
		}
		if want := mth(all); tree.Root() != want || root != want || tree.Size() != int64(n) {
			t.Errorf("%d leaves: tree %x, stored %x, want %x", n, tree.Root(), root, want)
		}
	}
}

// TestTreeIsAValue: two logs that begin alike do not write into one another.
func TestTreeIsAValue(t *testing.T) {
	t.Parallel()
	all := leaves(12)
	_, common := filled(t, all[:10])
	first, second := common.Append(all[10]), common.Append(all[11])
	if common.Root() != mth(all[:10]) || first.Root() != mth(all[:11]) ||
		second.Root() != mth(slices.Concat(all[:10], all[11:])) {
		t.Error("one branch changed another")
	}
}

const origin = "audit.pivot.example/test"

func key(tb testing.TB, seed byte) audit.Key {
	tb.Helper()
	k, err := audit.NewKey(origin, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func checkpointOf(all [][32]byte) audit.Checkpoint {
	return audit.Checkpoint{Origin: origin, Size: int64(len(all)), Root: mth(all)}
}

func TestInclusion(t *testing.T) {
	t.Parallel()
	all := leaves(21)
	hashes, _ := filled(t, all)
	c := checkpointOf(all)
	for n, leaf := range all {
		proof, err := hashes.Inclusion(int64(n))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Includes(int64(n), leaf, proof); err != nil {
			t.Errorf("leaf %d: %v", n, err)
		}
		if c.Includes(int64(n), leaves(22)[21], proof) == nil {
			t.Errorf("leaf %d: another leaf is included", n)
		}
		if c.Includes(int64(n+1)%21, leaf, proof) == nil {
			t.Errorf("leaf %d is included elsewhere", n)
		}
		if c.Includes(int64(n), leaf, proof[1:]) == nil {
			t.Errorf("leaf %d: a shortened proof was accepted", n)
		}
	}
	for _, n := range []int64{-1, 21} {
		if _, err := hashes.Inclusion(n); err == nil {
			t.Errorf("proof of leaf %d", n)
		}
		if c.Includes(n, all[0], nil) == nil {
			t.Errorf("leaf %d is included", n)
		}
	}
}

func TestConsistency(t *testing.T) {
	t.Parallel()
	all := leaves(21)
	hashes, _ := filled(t, all)
	now := checkpointOf(all)
	for n := 1; n <= 21; n++ {
		proof, err := hashes.Consistency(int64(n))
		if err != nil {
			t.Fatal(err)
		}
		then := checkpointOf(all[:n])
		if err := now.Extends(then, proof); err != nil {
			t.Errorf("from %d: %v", n, err)
		}
		changed := slices.Clone(all[:n])
		changed[0][0] ^= 1
		if now.Extends(checkpointOf(changed), proof) == nil {
			t.Errorf("from %d: a changed log was extended", n)
		}
		then.Origin = "elsewhere"
		if now.Extends(then, proof) == nil {
			t.Errorf("from %d: another log was extended", n)
		}
	}
	for _, n := range []int64{-1, 0, 22} {
		if _, err := hashes.Consistency(n); err == nil {
			t.Errorf("proof from %d", n)
		}
		if now.Extends(audit.Checkpoint{Origin: origin, Size: n, Root: now.Root}, nil) == nil {
			t.Errorf("extends %d", n)
		}
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	for _, n := range []int{0, 1, 21} {
		c := checkpointOf(leaves(n))
		signed, err := c.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := audit.OpenCheckpoint(signed, k.Verifier()); err != nil || got != c {
			t.Errorf("%+v, %v", got, err)
		}
		// By hand, as the C2SP pages have it: three lines, an empty one, the signature behind four octets of key hash.
		body, rest, _ := strings.Cut(string(signed), "\n\n")
		body += "\n"
		if want := fmt.Sprintf("%s\n%d\n%s\n", origin, n, base64.StdEncoding.EncodeToString(c.Root[:])); body != want {
			t.Errorf("body %q, want %q", body, want)
		}
		encoded := strings.TrimSuffix(strings.TrimPrefix(rest, "— "+origin+" "), "\n")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey)
		if err != nil || len(signature) != 4+ed25519.SignatureSize || !ed25519.Verify(public, []byte(body), signature[4:]) {
			t.Errorf("signature line %q: %v", rest, err)
		}
	}
}

// TestCheckpointCosigned: witnesses may sign beside the log.
func TestCheckpointCosigned(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	signed, err := checkpointOf(leaves(3)).Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier(t, k)))
	if err != nil {
		t.Fatal(err)
	}
	witness, err := audit.NewKey("witness.example", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(n, witness)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := audit.OpenCheckpoint(cosigned, k.Verifier()); err != nil || c != checkpointOf(leaves(3)) {
		t.Errorf("%+v, %v", c, err)
	}
	// The witness vouches for what it saw, and is not the log.
	if _, err := audit.OpenCheckpoint(cosigned, witness.Verifier()); err == nil {
		t.Error("a witness's signature was taken for the log's")
	}
}

func verifier(tb testing.TB, k audit.Key) note.Verifier {
	tb.Helper()
	v, err := note.NewVerifier(k.Verifier())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestOpenCheckpointRefuses(t *testing.T) {
	t.Parallel()
	k, other := key(t, 1), key(t, 2)
	good := checkpointOf(leaves(5))
	root := base64.StdEncoding.EncodeToString(good.Root[:])
	sign := func(body string) []byte {
		signed, err := note.Sign(&note.Note{Text: body}, k)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	valid := sign(origin + "\n5\n" + root + "\n")
	if c, err := audit.OpenCheckpoint(valid, k.Verifier()); err != nil || c != good {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, tc := range []struct {
		name   string
		signed []byte
		key    string
	}{
		{"nothing", nil, k.Verifier()},
		{"another key of that name", valid, other.Verifier()},
		{"no key", valid, ""},
		{"a changed size", bytes.Replace(valid, []byte("\n5\n"), []byte("\n6\n"), 1), k.Verifier()},
		{"another origin", sign("elsewhere\n5\n" + root + "\n"), k.Verifier()},
		{"no root", sign(origin + "\n5\n"), k.Verifier()},
		{"a line more", sign(origin + "\n5\n" + root + "\nmore\n"), k.Verifier()},
		{"a negative size", sign(origin + "\n-5\n" + root + "\n"), k.Verifier()},
		{"a size in another form", sign(origin + "\n05\n" + root + "\n"), k.Verifier()},
		{"a size beyond", sign(origin + "\n9223372036854775808\n" + root + "\n"), k.Verifier()},
		{"a short root", sign(origin + "\n5\n" + root[4:] + "\n"), k.Verifier()},
		{"a root in another form", sign(origin + "\n5\n" + strings.TrimRight(root, "=") + "\n"), k.Verifier()},
		{"too long", append(bytes.Clone(valid), bytes.Repeat([]byte("— w AAAAAAAA\n"), 2000)...), k.Verifier()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if c, err := audit.OpenCheckpoint(tc.signed, tc.key); err == nil {
				t.Errorf("read %+v", c)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	for name, c := range map[string]audit.Checkpoint{
		"another origin":  {Origin: "elsewhere", Size: 1},
		"no origin":       {Size: 1},
		"a negative size": {Origin: origin, Size: -1},
	} {
		if signed, err := c.Sign(k); err == nil {
			t.Errorf("%s: %q", name, signed)
		}
	}
	if _, err := checkpointOf(leaves(1)).Sign(broken{k}); !errors.Is(err, errBroken) {
		t.Errorf("a signer that fails: %v", err)
	}
}

var errBroken = errors.New("no key today")

// broken is a signer whose key is out of reach.
type broken struct{ audit.Key }

func (broken) Sign([]byte) ([]byte, error) { return nil, errBroken }

func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	good := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for name, tc := range map[string]struct {
		name string
		key  ed25519.PrivateKey
	}{
		"a short key": {origin, good[:32]},
		"no name":     {"", good},
		"a space":     {"audit log", good},
		"a plus":      {"audit+log", good},
	} {
		if k, err := audit.NewKey(tc.name, tc.key); err == nil {
			t.Errorf("%s: %s", name, k)
		}
	}
}

func TestKeyRedacted(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{0xA7}, ed25519.SeedSize)
	k, err := audit.NewKey(origin, ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, k)
		fmt.Fprintf(&out, format, struct{ Key audit.Key }{k})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("loaded", "key", k)
	for _, secret := range []string{"167 167", "a7a7", "\xa7\xa7", "0xa7"} {
		if strings.Contains(strings.ToLower(out.String()), secret) {
			t.Errorf("%q shows in\n%s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), origin) {
		t.Error("nothing was printed")
	}
}

// log gives records as a store would read them; every third payload was destroyed by retention.
func log(n int) []audit.Record {
	var out []audit.Record
	for i := range n {
		r := audit.Record{Salt: [32]byte{byte(i)}, Sealed: []byte{byte(i)}}
		r.Leaf = audit.Leaf(r.Salt, r.Sealed)
		if i%3 == 2 {
			r.Salt, r.Sealed = [32]byte{}, nil
		}
		out = append(out, r)
	}
	return out
}

func read(records []audit.Record) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func witnessed(records []audit.Record, size int) audit.Checkpoint {
	var all [][32]byte
	for _, r := range records[:size] {
		all = append(all, r.Leaf)
	}
	return checkpointOf(all)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	records := log(20)
	n, err := audit.Verify(read(records), witnessed(records, 0), witnessed(records, 7), witnessed(records, 20))
	if err != nil || n != 20 {
		t.Errorf("%d records, %v", n, err)
	}
	if n, err := audit.Verify(read(nil)); err != nil || n != 0 {
		t.Errorf("an empty log: %d, %v", n, err)
	}
}

// TestVerifyFindsEachChange makes one change to a log whose first 15 of 20 records were witnessed.
func TestVerifyFindsEachChange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func([]audit.Record) []audit.Record
		want   error
	}{
		{"nothing", func(r []audit.Record) []audit.Record { return r }, nil},
		{"a payload", func(r []audit.Record) []audit.Record { r[4].Sealed = []byte("x"); return r }, audit.ErrChanged},
		{"a salt", func(r []audit.Record) []audit.Record { r[4].Salt[5] ^= 1; return r }, audit.ErrChanged},
		{"an emptied payload", func(r []audit.Record) []audit.Record { r[4].Sealed = []byte{}; return r }, audit.ErrChanged},
		{"a payload with its leaf", func(r []audit.Record) []audit.Record {
			r[4].Sealed = []byte("x")
			r[4].Leaf = audit.Leaf(r[4].Salt, r[4].Sealed)
			return r
		}, audit.ErrChanged},
		{"the leaf of a destroyed payload", func(r []audit.Record) []audit.Record { r[5].Leaf[0] ^= 1; return r }, audit.ErrChanged},
		{"a record removed", func(r []audit.Record) []audit.Record { return slices.Delete(r, 4, 5) }, audit.ErrChanged},
		{"a record more", func(r []audit.Record) []audit.Record { return slices.Insert(r, 4, r[8]) }, audit.ErrChanged},
		{"two records swapped", func(r []audit.Record) []audit.Record { r[3], r[4] = r[4], r[3]; return r }, audit.ErrChanged},
		{"cut before the checkpoint", func(r []audit.Record) []audit.Record { return r[:14] }, audit.ErrChanged},
		{"cut to nothing", func(r []audit.Record) []audit.Record { return nil }, audit.ErrChanged},
		{"a payload destroyed", func(r []audit.Record) []audit.Record { r[4].Salt, r[4].Sealed = [32]byte{}, nil; return r }, nil},
		{"more since", func(r []audit.Record) []audit.Record { return append(r, log(30)[20:]...) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := witnessed(log(20), 15)
			if _, err := audit.Verify(read(tc.change(log(20))), c); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestVerifyReportsReadErrors(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk")
	records := func(yield func(audit.Record, error) bool) {
		_ = yield(log(1)[0], nil) && yield(audit.Record{}, errDisk)
	}
	if n, err := audit.Verify(records); !errors.Is(err, errDisk) || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

// FuzzOpenCheckpoint: whatever text the key signed, what opens is what the checkpoint would be signed as.
func FuzzOpenCheckpoint(f *testing.F) {
	k := key(f, 1)
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	f.Add(origin + "\n5\n" + root + "\n")
	f.Add(origin + "\n05\n" + root + "\n")
	f.Add("elsewhere\n5\n" + root + "\nextension\n")
	f.Fuzz(func(t *testing.T, body string) {
		signed, err := note.Sign(&note.Note{Text: body}, k)
		if err != nil {
			return
		}
		c, err := audit.OpenCheckpoint(signed, k.Verifier())
		if err != nil {
			return
		}
		if again, err := c.Sign(k); err != nil || !bytes.Equal(again, signed) {
			t.Errorf("read %q, wrote %q (%v)", signed, again, err)
		}
	})
}

func BenchmarkTreeAppend(b *testing.B) {
	_, tree := filled(b, leaves(1023))
	leaf := leaves(1)[0]
	for b.Loop() {
		_ = tree.Append(leaf)
	}
}
