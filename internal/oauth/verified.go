package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/service"
)

// emailVerified reports whether the claims of an OpenID provider vouch for the
// e-mail address beside them (OpenID Connect Core §5.1).
func emailVerified(user goth.User) bool {
	return user.Email != "" && isTrue(user.RawData, "email_verified")
}

// vouched reports whether a service that goth speaks to vouches for a profile's
// e-mail address. Without that, an address does not prove who a person is: at
// many services people may write any address into their profile.
func (e *gothEngine) vouched(ctx context.Context, client *http.Client, user goth.User, tok *oauth2.Token) bool {
	if user.Email == "" {
		return false
	}
	switch e.service.Verified {
	case service.Never:
		return false
	case service.Always:
		return true
	case service.List:
		return e.listed(ctx, client, user.Email, tok)
	}
	return isTrue(user.RawData, string(e.service.Verified))
}

// isTrue looks a flag up in a profile: a name, or two with a dot between.
func isTrue(raw map[string]any, path string) bool {
	outer, inner, nested := strings.Cut(path, ".")
	if nested {
		raw, _ = raw[outer].(map[string]any)
		outer = inner
	}
	return raw[outer] == true
}

// listed asks GitHub for the addresses it has verified, where the person let us
// ask. goth asks only for a person without a public address, which may be any.
// No answer vouches for nothing.
func (e *gothEngine) listed(ctx context.Context, client *http.Client, email string, tok *oauth2.Token) bool {
	scope, _ := tok.Extra("scope").(string)
	granted := strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
	if !slices.Contains(granted, "user:email") && !slices.Contains(granted, "user") {
		return false
	}
	f := e.frozen.FieldByName("emailURL")
	if !f.IsValid() || f.Kind() != reflect.String || f.String() == "" {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.String(), nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+tok.AccessToken)
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var list []struct {
		Email    string `json:"email"`
		Verified bool   `json:"verified"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&list) != nil {
		return false
	}
	for _, entry := range list {
		if entry.Verified && ascii.EqualFold(entry.Email, email) {
			return true
		}
	}
	return false
}

// client is a plain client through a binding.
func (b *binding) client() *http.Client {
	return &http.Client{Transport: b, CheckRedirect: fetch.SameOrigin}
}
