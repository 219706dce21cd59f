package markup

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
)

// A spot says where in a document the writer is.
type spot int

const (
	inText    spot = iota
	inName         // of an element
	inTag          // between attributes
	inAttr         // the name of an attribute
	afterName      // before the quote
	inValue
	inBang // of <!doctype html>
)

// A place is one point of a document: what a value that is put there would mean.
type place struct {
	spot    spot
	element string // the last one that began, while only text may follow
	attr    string // the name of the attribute, while in its value
	begun   bool   // the attribute's value has begun
	named   bool   // the name of the element was written just now
}

// after is the place behind a piece of a template's own text.
func (p place) after(written string) (place, error) {
	for i := 0; i < len(written); i++ {
		b := written[i]
		switch p.spot {
		case inText:
			if b != '<' {
				continue
			}
			var next byte
			if i+1 < len(written) {
				next = written[i+1]
			}
			switch {
			case next == '!' && !strings.HasPrefix(written[i:], "<!--"):
				p.spot = inBang
			case next == '/' && i+2 < len(written) && isLetter(written[i+2]):
				p, i = place{spot: inName, element: "/"}, i+1
			case isLetter(next):
				p = place{spot: inName}
			default:
				return p, errors.New("has a < that begins no tag; write &lt;")
			}
		case inName:
			p.element += string(b)
			if next := i + 1; next == len(written) || !isNamed(written[next]) {
				p.spot, p.element, p.named = inTag, ascii.Lower(p.element), true
				if slices.Contains(raw, p.element) {
					return p, fmt.Errorf("begins the element %s, in which text is no markup; put it in as template.HTML", p.element)
				}
			}
		case inTag:
			switch {
			case b == '>':
				p = p.opened()
			case isNamed(b) && p.named:
				return p, errors.New("has a name of an element in two parts")
			case isNamed(b):
				p.spot, p.attr = inAttr, string(b)
			}
			p.named = false
		case inAttr:
			switch {
			case b == '=':
				p.spot = afterName
			case b == '>':
				p = p.opened()
			case isSpace(b) || b == '/':
				p.spot, p.attr = inTag, ""
			default:
				p.attr += string(b)
			}
		case afterName:
			if b != '"' {
				return p, fmt.Errorf("has the attribute %s without double quotes around its value", p.attr)
			}
			p.spot, p.attr, p.begun = inValue, ascii.Lower(p.attr), false
		case inValue:
			if p.begun = true; b == '"' {
				p.spot, p.attr = inTag, ""
			}
		case inBang:
			if b == '>' {
				p = place{}
			}
		}
	}
	return p, nil
}

// opened is the place behind the > of a tag.
func (p place) opened() place {
	if p.element == "title" { // whose content is text without elements
		return place{element: p.element}
	}
	return place{}
}

// joined is the place where two ways through a template meet.
func (p place) joined(q place) (place, error) {
	p.named = p.named || q.named
	p.begun = p.begun || q.begun // a value may have begun on one way only
	q.named, q.begun = p.named, p.begun
	if p != q {
		return p, errors.New("ends in different places of the document")
	}
	return p, nil
}

// raw are the elements whose content browsers do not read as markup.
var raw = []string{"script", "style", "textarea", "noscript", "noembed", "noframes", "iframe", "xmp", "plaintext", "template"}

// plain are the attributes whose values are words: whatever stands there loads and
// runs nothing.
var plain = []string{
	"alt", "aria-describedby", "aria-label", "aria-labelledby", "autocapitalize", "autocomplete", "class", "cx", "cy", "d", "data-passkey", "datetime", "dir",
	"fill", "fill-rule", "for", "height", "id", "inputmode", "lang", "max", "maxlength", "min", "minlength", "name", "pattern",
	"placeholder", "r", "rx", "ry", "spellcheck", "stroke", "title", "transform", "type", "value", "viewbox", "width", "x", "y",
}

// addresses are the attributes that hold a URL.
var addresses = []string{"action", "formaction", "href", "src"}

// escaper returns what makes a value fit for this place.
func (p place) escaper() (func(v reflect.Value) (string, error), error) {
	switch {
	case p.spot == inText && p.element == "":
		return func(v reflect.Value) (string, error) {
			if v.Type() == htmlType {
				return v.String(), nil
			}
			return escaped.Replace(text(v)), nil
		}, nil
	case p.spot == inText, p.spot == inValue && slices.Contains(plain, p.attr):
		return func(v reflect.Value) (string, error) {
			if v.Type() == htmlType {
				return "", errors.New("markup: a value of type template.HTML stands where no elements can")
			}
			return escaped.Replace(text(v)), nil
		}, nil
	case p.spot == inValue && slices.Contains(addresses, p.attr):
		if p.begun {
			return nil, fmt.Errorf("is a part of the URL in %s; make it the whole", p.attr)
		}
		return func(v reflect.Value) (string, error) { return escaped.Replace(address(text(v))), nil }, nil
	case p.spot == inValue && p.attr == "style":
		return func(v reflect.Value) (string, error) {
			if v.Type() != cssType {
				return "", errors.New("markup: a value that is no template.CSS stands in a style")
			}
			return escaped.Replace(v.String()), nil
		}, nil
	case p.spot == inValue:
		return nil, fmt.Errorf("stands in the attribute %s, which may load or run something", p.attr)
	}
	return nil, errors.New("stands within a tag and in no quoted value")
}

// escaped writes text so that it is text, between tags and between double quotes.
var escaped = strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")

// refused stands in place of a URL that is none of the web's, as in html/template.
const refused = "#ZgotmplZ"

// address leaves out a URL that runs something, and writes every character that no
// URL has by its bytes (RFC 3986 §2.1).
func address(s string) string {
	if scheme, _, ok := strings.Cut(s, ":"); ok && !strings.Contains(scheme, "/") {
		switch ascii.Lower(scheme) {
		case "http", "https", "mailto":
		default:
			return refused
		}
	}
	const kept = "!#$&*+,/:;=?@[]-._~"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		_, bad := url.PathUnescape(s[i:min(i+3, len(s))])
		switch {
		case isLetter(c), c >= '0' && c <= '9', strings.IndexByte(kept, c) >= 0, c == '%' && bad == nil:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// isNamed reports whether a byte may be part of a name within a tag.
func isNamed(b byte) bool { return !isSpace(b) && b != '/' && b != '>' }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

func isSpace(b byte) bool { return strings.IndexByte(" \t\r\n\f", b) >= 0 }
