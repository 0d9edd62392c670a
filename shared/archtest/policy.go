package archtest

import (
	"fmt"
	"go/token"
	"strings"
)

// A Policy is a set of rules for one source tree. Packages are named by their
// path below the module ("shared/tlv"); a pattern is such a path, or a path
// followed by "/..." for a package and all below it, or "..." for everything.
type Policy struct {
	Arrows     []Arrow     // what a package may import; the first matching row holds
	Forbidden  []Forbidden // what stays refused even where an arrow is wider
	Fences     []Fence     // imports kept to a few packages
	Selectors  []Selector  // names of a package that some may not use
	Modules    []Module    // one line for each direct dependency of go.mod
	Core       []string    // patterns of the trusted core: no goroutines, as much test as code
	Budget     Budget
	Exceptions []Exception
}

// An Arrow lists all that a package's own code (tests aside) may import.
// The standard library is always allowed here; Forbidden narrows it.
type Arrow struct {
	From    string   // pattern of the importing package
	Ours    []string // patterns of our packages
	Outside []string // patterns of import paths outside module and standard library
	Reason  string
}

// A Forbidden row refuses imports to some packages, tests aside.
type Forbidden struct {
	From   []string // patterns of the importing packages
	Except []string // patterns of those it does not bind
	Import []string // patterns: our packages by path below the module, others by import path
	Reason string
}

// A Fence keeps an import to the packages named.
type Fence struct {
	Import string   // pattern of an import path
	In     []string // patterns of packages; none: tests only
	Tests  bool     // the fence holds for test files as well
	Reason string
}

// A Selector row refuses names of an imported package, such as time.Now.
// Exactly one of Deny and Only is given.
type Selector struct {
	From   []string // patterns of the packages that it binds
	Tests  bool     // binds test files, and those alone; otherwise binds all but test files
	Import string   // import path
	Deny   []string // refused names
	Only   []string // the only names accepted
	Reason string
}

// A Module says what a direct dependency is for.
type Module struct {
	Path   string
	Reason string
}

// A Budget bounds sizes, generated files and tests aside.
type Budget struct {
	Cyclomatic int // a function: 1 + branches + boolean operators
	FileLines  int
	FuncLines  int // from func to the closing brace, both included
	Fields     int // a struct
	FieldsEver int // a struct, whatever its exception says
	Parameters int // a function, receiver aside
	Exported   int // package-level names; an enumeration counts once, as its type
	Methods    int // an interface; an embedded one counts once
	FanOut     int // our packages that one package imports

	Vocabulary         []string // patterns of packages whose purpose is to name things
	VocabularyExported int      // their bound in place of Exported
}

// An Exception raises one bound for one thing. It is refused when it is no
// longer needed.
type Exception struct {
	Rule   string // one of the rule names of this package: "file-lines", "func-lines", ...
	Where  string // "dir/file.go", "dir.Name", "dir.Type.Method" or "dir", as the violation prints it
	Limit  int
	Reason string
}

// A Violation is one rule broken at one place.
type Violation struct {
	Pos    token.Position // file relative to the root of the tree
	Rule   string
	Text   string // what was found
	Reason string // why the rule exists
}

// String gives "file:line: rule: text (reason)".
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s (%s)", v.Pos.Filename, v.Pos.Line, v.Rule, v.Text, v.Reason)
}

// match reports whether path fits pattern.
func match(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return pattern == path
}

func matchAny(patterns []string, path string) bool {
	for _, pattern := range patterns {
		if match(pattern, path) {
			return true
		}
	}
	return false
}
