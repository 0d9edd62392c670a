package config

import "reflect"

// Raw is the type of the document as it is written.
var Raw = reflect.TypeFor[document]()
