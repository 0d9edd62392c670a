package readertest

// The parent and the process in the namespace speak JSON values over two pipes, one reply to each request. The end
// of the parent's pipe is the order to leave.

// childName is the zeroth argument by which a re-executed program knows that it is the namespace.
const childName = "pivot-private-reader"

const (
	opStart  = "start"  // Dir: build the reader there
	opInsert = "insert" // Card, Args: put a card in
	opRemove = "remove" // pull the card out
)

type request struct {
	Op   string   `json:"op"`
	Dir  string   `json:"dir,omitempty"`
	Card string   `json:"card,omitempty"`
	Args []string `json:"args,omitempty"`
}

type reply struct {
	Error       string `json:"error,omitempty"`
	Unavailable bool   `json:"unavailable,omitempty"` // Error is a fact about the machine
}
