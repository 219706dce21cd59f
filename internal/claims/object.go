package claims

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// An Object is a JSON object under construction. Members stand in the order in
// which they were added. The zero Object is empty and ready to use.
type Object struct {
	buf bytes.Buffer
	err error
}

// Add appends a member. A value that JSON cannot hold is remembered and
// returned by Bytes.
func (o *Object) Add(name string, value any) {
	if text, ok := value.(string); ok {
		o.addText(name, text)
	} else if o.begin(name) {
		o.encode(name, value)
	}
}

// addText appends a member that is a text.
func (o *Object) addText(name, text string) {
	if o.begin(name) {
		o.text(name, text)
	}
}

// begin writes a member's name, and reports whether its value may follow.
func (o *Object) begin(name string) bool {
	if o.buf.Len() == 0 {
		o.buf.WriteByte('{')
	} else {
		o.buf.WriteByte(',')
	}
	o.text(name, name)
	o.buf.WriteByte(':')
	return o.err == nil
}

// AddAll appends the members of a map, ordered by name.
func (o *Object) AddAll(members map[string]any) {
	if len(members) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		o.Add(name, members[name])
	}
}

// AddObject appends another object.
func (o *Object) AddObject(name string, inner *Object) {
	raw, err := inner.Bytes()
	if err != nil && o.err == nil {
		o.err = err
	}
	o.Add(name, json.RawMessage(raw))
}

// AddText appends a text that is not empty.
func (o *Object) AddText(name, text string) {
	if text != "" {
		o.addText(name, text)
	}
}

// AddTime appends a time that is not zero, in whole Unix seconds.
func (o *Object) AddTime(name string, t time.Time) {
	if !t.IsZero() {
		o.Add(name, t.Unix())
	}
}

// text writes a text. Most have nothing that JSON escapes.
func (o *Object) text(name, value string) {
	for i := range len(value) {
		if b := value[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			o.encode(name, value)
			return
		}
	}
	o.buf.WriteByte('"')
	o.buf.WriteString(value)
	o.buf.WriteByte('"')
}

// encode writes a value without escaping <, > and &, which would only make a
// sealed token longer, and without the encoder's final line break.
func (o *Object) encode(name string, value any) {
	e := json.NewEncoder(&o.buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		o.err = fmt.Errorf("claims: %q: %w", name, err)
		return
	}
	o.buf.Truncate(o.buf.Len() - 1)
}

// MarshalJSON is Bytes, for an object within another value.
func (o *Object) MarshalJSON() ([]byte, error) { return o.Bytes() }

// Bytes returns the finished object.
func (o *Object) Bytes() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	if o.buf.Len() == 0 {
		return []byte("{}"), nil
	}
	return append(bytes.Clone(o.buf.Bytes()), '}'), nil
}
