package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// object writes a JSON object member by member, in the order of the calls:
// encoding/json orders by struct or by name, here the order is the profile's.
// Every text that enters has been found to be UTF-8.
type object struct{ buffer bytes.Buffer }

func (o *object) text(name, value string) {
	o.name(name)
	o.quote(value)
}

func (o *object) list(name string, values []string) {
	o.name(name)
	o.buffer.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			o.buffer.WriteByte(',')
		}
		o.quote(v)
	}
	o.buffer.WriteByte(']')
}

// seconds writes a NumericDate without a fraction (RFC 7519 §2).
func (o *object) seconds(name string, value int64) {
	o.name(name)
	o.buffer.Write(strconv.AppendInt(o.buffer.AvailableBuffer(), value, 10))
}

// json writes a member whose value is JSON already.
func (o *object) json(name string, value []byte) {
	o.name(name)
	o.buffer.Write(value)
}

func (o *object) name(name string) {
	if o.buffer.Len() == 0 {
		o.buffer.WriteByte('{')
	} else {
		o.buffer.WriteByte(',')
	}
	o.quote(name)
	o.buffer.WriteByte(':')
}

// quote leaves out the HTML escapes of encoding/json, which are valid but make
// other people's byte comparisons fail.
func (o *object) quote(s string) {
	e := json.NewEncoder(&o.buffer)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("token: internal error: a string does not encode: " + err.Error())
	}
	o.buffer.Truncate(o.buffer.Len() - 1) // the newline that Encode adds
}

func (o *object) close() ([]byte, error) {
	o.buffer.WriteByte('}')
	if n := o.buffer.Len(); n > maxPayload {
		return nil, fmt.Errorf("token: payload of %d bytes, at most %d", n, maxPayload)
	}
	return o.buffer.Bytes(), nil
}
