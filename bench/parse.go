package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"unsafe"

	"github.com/bytedance/sonic"
	goccy "github.com/goccy/go-json"
)

// parsers are ways to read the claims. Each may keep parts of the payload, which
// nobody changes afterwards.
var parsers = map[string]func(*claims, []byte) error{
	"flat parse":    parseFlat,
	"goccy/go-json": parseGoccy,
	"sonic":         parseSonic,
	"encoding/json": parseStandard,
}

func parseStandard(t *claims, payload []byte) error { return json.Unmarshal(payload, t) }
func parseGoccy(t *claims, payload []byte) error    { return goccy.Unmarshal(payload, t) }

// Without copying, as the others are allowed to.
func parseSonic(t *claims, payload []byte) error {
	return sonic.UnmarshalString(unsafe.String(unsafe.SliceData(payload), len(payload)), t)
}

// parseFlat reads one object of plain texts and numbers. Whatever else there is,
// an escape, a nested value, a blank, it leaves to encoding/json.
func parseFlat(t *claims, payload []byte) error {
	s := unsafe.String(unsafe.SliceData(payload), len(payload))
	if len(s) == 0 || s[0] != '{' {
		return errSession
	}
	for i := 1; ; i++ { // behind { or a comma
		name, next := plainText(s, i)
		if next == 0 || next >= len(s) || s[next] != ':' {
			return parseStandard(t, payload)
		}
		i = next + 1
		if i < len(s) && s[i] == '"' {
			var value string
			if value, next = plainText(s, i); next == 0 {
				return parseStandard(t, payload)
			}
			switch name {
			case "sub":
				t.Subject = value
			case "name":
				t.Name = value
			case "email":
				t.Email = value
			case "picture":
				t.Picture = value
			case "accessToken":
				t.AccessToken = value
			}
		} else {
			for next = i; next < len(s) && s[next] != ',' && s[next] != '}'; next++ {
			}
			number, err := strconv.ParseInt(s[i:next], 10, 64)
			if err != nil {
				return parseStandard(t, payload)
			}
			if name == "exp" {
				t.Expires = number
			}
		}
		if next == len(s)-1 && s[next] == '}' {
			return nil
		}
		if next >= len(s) || s[next] != ',' {
			return parseStandard(t, payload)
		}
		i = next
	}
}

// plainText is the text in quotes at i and the place behind it, or 0 where it is
// none or has an escape.
func plainText(s string, i int) (text string, next int) {
	if i >= len(s) || s[i] != '"' {
		return "", 0
	}
	length := strings.IndexByte(s[i+1:], '"')
	if length < 0 {
		return "", 0
	}
	text = s[i+1 : i+1+length]
	if strings.IndexByte(text, '\\') >= 0 {
		return "", 0
	}
	return text, i + 1 + length + 1
}
