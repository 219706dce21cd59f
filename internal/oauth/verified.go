package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/service"
)

// emailVerified reports whether the claims of an OpenID provider vouch for the
// e-mail address beside them (OpenID Connect Core §5.1).
func emailVerified(user goth.User) bool {
	return user.Email != "" && answer.True(user.RawData, "email_verified")
}

// vouched reports whether a service that goth speaks to vouches for a profile's
// e-mail address. Without that, an address does not prove who a person is: at
// many services people may write any address into their profile.
func (e *gothEngine) vouched(ctx context.Context, client *http.Client, user goth.User, tok *oauth2.Token) bool {
	if user.Email == "" {
		return false
	}
	switch e.service.Verified {
	case service.Always:
		return true
	case service.List:
		return e.listed(ctx, client, user.Email, tok)
	}
	return answer.True(user.RawData, string(e.service.Verified)) // service.Never is no flag at all
}

// listed asks GitHub for the addresses it has verified. goth asks only for a
// person without a public address, which may be any. No answer vouches for
// nothing. The token of an OAuth app says in its scope whether the person let us
// ask; that of a GitHub App has none.
func (e *gothEngine) listed(ctx context.Context, client *http.Client, email string, tok *oauth2.Token) bool {
	scope, _ := tok.Extra("scope").(string)
	granted := strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
	if len(granted) > 0 && !slices.Contains(granted, "user:email") && !slices.Contains(granted, "user") {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.addresses(), nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+tok.AccessToken)
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body) // what is no whole list vouches for nothing
	list, _ := answer.Decode(raw)
	_, verified, _ := githubAddresses.Read(list, email)
	return verified
}

var githubAddresses = answer.Addresses{Email: "email", Primary: "primary", Verified: "verified"}

// addresses is where a goth provider asks for the addresses of a person, empty
// where it does not.
func (e *gothEngine) addresses() string {
	if e.service.Verified != service.List {
		return ""
	}
	f := e.frozen.FieldByName("emailURL")
	if f.Kind() != reflect.String {
		return ""
	}
	return f.String()
}

// listed makes of what a list of addresses was answered with one that goth finds
// an entry in: it refuses a person for want of a verified primary address, and
// where it may not ask at all. A list that does not come is one without entries,
// which the log says.
func (b *binding) listed(req *http.Request, res *http.Response, err error) (*http.Response, error) {
	entries := []any{}
	switch {
	case b.ctx.Err() != nil:
		if res != nil {
			_ = res.Body.Close()
		}
		return nil, b.ctx.Err()
	case err == nil:
		var raw []byte
		raw, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		var v any
		if err == nil && res.StatusCode != http.StatusOK {
			err = redact.Told(nil, "oauth: the service%s answered %d", redact.Missing(res), res.StatusCode)
		}
		if err == nil {
			v, err = answer.Decode(raw)
		}
		if list, ok := v.([]any); ok {
			entries = list
		} else if err == nil {
			err = errors.New("oauth: the answer is not a list")
		}
	}
	if err != nil {
		Leave(b.ctx, "the e-mail addresses", Redact(err, b.secrets()...))
	}
	entries = slices.DeleteFunc(entries, func(entry any) bool { // goth decodes text and flags alone
		object, ok := entry.(map[string]any)
		if !ok {
			return true
		}
		_, text := object["email"].(string)
		_, primary := object["primary"].(bool)
		return !text || !primary && object["primary"] != nil || object["verified"] != true
	})
	raw, _ := json.Marshal(append(entries, map[string]any{"email": "", "primary": true, "verified": true})) // of what was JSON
	return &http.Response{
		StatusCode: http.StatusOK, Request: req,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(raw)), ContentLength: int64(len(raw)),
	}, nil
}

// client is a plain client through a binding.
func (b *binding) client() *http.Client {
	return &http.Client{Transport: b, CheckRedirect: fetch.SameOrigin}
}
