// Package form reads what pages send: the body of a form or of a script, and the token
// that proves that a page of this site sent it. It does not know what the fields mean, or
// who sent them.
package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// maxBody is the longest request body, in bytes, that an auth route reads.
const maxBody = 64 << 10

// Type is what a form without files is sent as.
const Type = "application/x-www-form-urlencoded"

var (
	ErrTooLarge = errors.New("ginauth: the body is larger than 64 KiB")
	ErrInvalid  = errors.New("ginauth: the body cannot be read")
)

// A Body is the fields of a form or JSON object. A field that a form has once is a
// string, one that it repeats a []string; one of a JSON object has JSON's types.
type Body map[string]any

// Read reads a form or JSON object. Any other type of content is no input.
func Read(req *http.Request) (Body, error) {
	if req.Method != http.MethodPost || req.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	if err != nil {
		return nil, ErrInvalid
	}
	if len(raw) > maxBody {
		return nil, ErrTooLarge
	}
	contentType, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if len(raw) == 0 && contentType == Type { // a middleware in front may have read it
		return fields(req.PostForm), nil
	}
	return parse(contentType, raw)
}

func parse(contentType string, raw []byte) (Body, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	switch contentType {
	case "application/json":
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var value any
		if d.Decode(&value) != nil {
			return nil, ErrInvalid
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, ErrInvalid
		}
		if object, ok := value.(map[string]any); ok {
			return object, nil
		}
	case Type:
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, ErrInvalid
		}
		return fields(form), nil
	}
	return Body{}, nil
}

func fields(form url.Values) Body {
	body := make(Body, len(form))
	for name, values := range form {
		body[name] = values[0]
		if len(values) > 1 {
			body[name] = values
		}
	}
	return body
}

// Text is a text field, the first of its name; other JSON types do not count as one.
func (b Body) Text(name string) string {
	switch value := b[name].(type) {
	case string:
		return value
	case []string:
		return value[0]
	}
	return ""
}

// Values are the fields as a form has them: one that is repeated stays so, and neither of
// its values can be believed.
func (b Body) Values() url.Values {
	form := make(url.Values, len(b))
	for name, value := range b {
		values, repeated := value.([]string)
		if !repeated {
			values = []string{b.Text(name)}
		}
		form[name] = values
	}
	return form
}
