package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is the Merkle tree over the leaves, as far as appending to it and giving its root need it: the roots of its
// complete subtrees, of which there are at most 63. Its zero value is the empty tree; it is a value, copied freely.
type Tree struct {
	size  int64
	roots []tlog.Hash // of complete subtrees, the largest first: one for each bit set in size
}

// Size is the number of leaves.
func (t Tree) Size() int64 { return t.size }

// Append returns the tree with one leaf more.
func (t Tree) Append(leaf [32]byte) Tree {
	h := tlog.RecordHash(leaf[:])
	roots := t.roots
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(roots[len(roots)-1], h)
		roots = roots[:len(roots)-1]
	}
	return Tree{size: t.size + 1, roots: append(roots[:len(roots):len(roots)], h)}
}

// Root is the hash of the tree (RFC 6962 §2.1); that of the empty tree is the SHA-256 of nothing.
func (t Tree) Root() [32]byte {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

// Hashes is the tree as a store keeps it: the hashes of package tlog, by their indexes, so that proofs can be given
// without reading the leaves.
type Hashes struct {
	Size   int64           // leaves
	Reader tlog.HashReader // reads the hashes of a tree of that size
}

// Append returns the hashes to store for the next leaf, the first at index tlog.StoredHashIndex(0, Size), the others
// behind it. Errors: those of the reader.
func (h Hashes) Append(leaf [32]byte) ([]tlog.Hash, error) {
	return tlog.StoredHashes(h.Size, leaf[:], h.Reader)
}

// Root is the hash of the tree. Errors: those of the reader.
func (h Hashes) Root() ([32]byte, error) { return tlog.TreeHash(h.Size, h.Reader) }

// Inclusion proves that the tree holds leaf n; [Checkpoint.Includes] checks it. Errors: no such leaf, those of
// the reader.
func (h Hashes) Inclusion(n int64) (tlog.RecordProof, error) {
	if n < 0 || n >= h.Size {
		return nil, fmt.Errorf("audit: no leaf %d in a tree of %d", n, h.Size)
	}
	return tlog.ProveRecord(h.Size, n, h.Reader)
}

// Consistency proves that the tree begins with the tree of the size given; [Checkpoint.Extends] checks it. Errors: a size that
// it never had, those of the reader.
func (h Hashes) Consistency(size int64) (tlog.TreeProof, error) {
	if size < 1 || size > h.Size {
		return nil, fmt.Errorf("audit: a tree of %d does not begin with one of %d", h.Size, size)
	}
	return tlog.ProveTree(h.Size, size, h.Reader)
}

// Record is one leaf of the log with what is left of its entry.
type Record struct {
	Leaf   [32]byte
	Salt   [32]byte
	Sealed []byte // sealed payload; nil once retention destroyed it, and the salt with it
}

// ErrChanged is the error of a log that is not the one a checkpoint was signed for.
var ErrChanged = errors.New("audit: the log was changed")

// Verify reads a whole log and proves that nothing in it changed since the checkpoints: each must describe the tree of
// the first so many records, and each payload that is still there must be the one its leaf was made of. The records
// are read once, in order; stored hashes are not trusted, the tree is built anew. It returns the number of records
// read. Errors: [ErrChanged] with the first place where it shows; an error of the records themselves.
func Verify(records iter.Seq2[Record, error], checkpoints ...Checkpoint) (int64, error) {
	var tree Tree
	if err := matches(tree, checkpoints); err != nil {
		return 0, err
	}
	for r, err := range records {
		if err != nil {
			return tree.size, fmt.Errorf("audit: record %d: %w", tree.size, err)
		}
		if r.Sealed != nil && Leaf(r.Salt, r.Sealed) != r.Leaf {
			return tree.size, fmt.Errorf("%w: record %d is not what its leaf was made of", ErrChanged, tree.size)
		}
		tree = tree.Append(r.Leaf)
		if err := matches(tree, checkpoints); err != nil {
			return tree.size, err
		}
	}
	for _, c := range checkpoints {
		if c.Size > tree.size {
			return tree.size, fmt.Errorf("%w: it has %d records, and had %d", ErrChanged, tree.size, c.Size)
		}
	}
	return tree.size, nil
}

// matches compares a tree with the checkpoints of its size.
func matches(t Tree, checkpoints []Checkpoint) error {
	for _, c := range checkpoints {
		if c.Size == t.size && c.Root != t.Root() {
			return fmt.Errorf("%w: the first %d records are not those of the checkpoint", ErrChanged, c.Size)
		}
	}
	return nil
}
