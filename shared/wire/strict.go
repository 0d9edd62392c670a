package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// MostBody is the most octets of one message.
const MostBody = 256 << 10

// mostDepth bounds how deep values nest.
const mostDepth = 16

var errMessage = errors.New("wire: not a message")

// Decode reads one message into a pointer to its type. Errors: more than [MostBody] octets; what is not one JSON value in
// UTF-8; a member that the type does not have, in another case, or twice; a member missing that is not optional; null;
// octets that are not canonical base64; anything behind the end. On an error, what into points to is as it was.
func Decode(raw []byte, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("%w: no place for it", errMessage)
	}
	if len(raw) > MostBody || !utf8.Valid(raw) {
		return fmt.Errorf("%w: too long or not UTF-8", errMessage)
	}
	walk := json.NewDecoder(bytes.NewReader(raw))
	walk.UseNumber()
	if err := check(walk, target.Type().Elem(), 0); err != nil {
		return err
	}
	fresh := reflect.New(target.Type().Elem())
	// Unmarshal refuses what stands behind the value.
	if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	target.Elem().Set(fresh.Elem())
	return nil
}

// Encode writes a message. Errors: a value that JSON cannot hold, more than [MostBody] octets.
func Encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	if out.Len()-1 > MostBody {
		return nil, fmt.Errorf("%w: %d octets", errMessage, out.Len())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

var (
	typeRaw   = reflect.TypeFor[json.RawMessage]()
	typeBytes = reflect.TypeFor[[]byte]()
)

// check walks one value beside the type that it is for, which is nil below a raw message: there only duplicates count.
func check(in *json.Decoder, t reflect.Type, depth int) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == typeRaw {
		t = nil
	}
	if depth > mostDepth {
		return fmt.Errorf("%w: nested too deep", errMessage)
	}
	token, err := in.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	switch v := token.(type) {
	case nil:
		return fmt.Errorf("%w: null", errMessage)
	case string:
		return checkText(v, t)
	case json.Delim:
		if v == '{' {
			return checkObject(in, t, depth)
		}
		return checkArray(in, t, depth)
	}
	return nil
}

// checkText holds octets to the one encoding that they have.
func checkText(s string, t reflect.Type) error {
	if t != typeBytes {
		return nil
	}
	if _, err := base64.StdEncoding.Strict().DecodeString(s); err != nil || strings.ContainsAny(s, "\r\n") {
		return fmt.Errorf("%w: octets", errMessage)
	}
	return nil
}

func checkArray(in *json.Decoder, t reflect.Type, depth int) error {
	var element reflect.Type
	if t != nil && (t.Kind() != reflect.Slice || t == typeBytes) {
		return fmt.Errorf("%w: an array", errMessage)
	}
	if t != nil {
		element = t.Elem()
	}
	for in.More() {
		if err := check(in, element, depth+1); err != nil {
			return err
		}
	}
	return closing(in)
}

func checkObject(in *json.Decoder, t reflect.Type, depth int) error {
	members := membersOf(t)
	seen := make(map[string]bool)
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", errMessage, err)
		}
		name, ok := token.(string)
		if !ok || seen[name] {
			return fmt.Errorf("%w: a member twice", errMessage)
		}
		seen[name] = true
		below, err := members.find(t, name)
		if err != nil {
			return err
		}
		if err := check(in, below, depth+1); err != nil {
			return err
		}
	}
	for name, m := range members {
		if m.required && !seen[name] {
			return fmt.Errorf("%w: no %s", errMessage, name)
		}
	}
	return closing(in)
}

func closing(in *json.Decoder) error {
	if _, err := in.Token(); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	return nil
}

// member is one field of a message.
type member struct {
	t        reflect.Type
	required bool
}

// shape is what an object may hold, by name.
type shape map[string]member

// membersOf lists the fields of a struct by the names of their tags. Messages embed nothing.
func membersOf(t reflect.Type) shape {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := make(shape, t.NumField())
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "-" && name != "" {
			out[name] = member{t: f.Type, required: !strings.Contains(options, "omitempty")}
		}
	}
	return out
}

// find gives the type of a member; nil where anything may stand.
func (s shape) find(t reflect.Type, name string) (reflect.Type, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Kind() == reflect.Map:
		return t.Elem(), nil
	case t.Kind() == reflect.Struct:
		if m, ok := s[name]; ok {
			return m.t, nil
		}
	}
	return nil, fmt.Errorf("%w: a member that is not known", errMessage)
}
