package registry

import (
	"io/fs"
	"reflect"
)

// Raw are the types of records as they are written.
var Raw = []reflect.Type{reflect.TypeFor[record](), reflect.TypeFor[dataProvider]()}

// LoadFS is Load from a file system that need not be a folder.
func LoadFS(dir string, fsys fs.FS) (*Snapshot, error) { return load(dir, fsys, false) }
