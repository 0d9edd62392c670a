package registry

import (
	"io/fs"
	"reflect"
)

// Raw is the type of a record as it is written.
var Raw = reflect.TypeFor[record]()

// LoadFS is Load from a file system that need not be a folder.
func LoadFS(dir string, fsys fs.FS) (*Snapshot, error) { return load(dir, fsys, false) }
