package oauth

import (
	"cmp"
	"strings"
	"time"

	"github.com/markbates/goth"
)

// Tokens are what a sign-in brought.
type Tokens struct {
	Access, Refresh, ID string
	Type                string // as sent, usually "bearer" or "Bearer"
	Scope               string // what the provider granted, where it says so
	Expires             time.Time
}

// Tokens are those of the profile, and of the token response what the profile lacks.
func (id Identity) Tokens() Tokens {
	p, tok := id.Profile, id.Token
	t := Tokens{Access: p.AccessToken, Refresh: p.RefreshToken, ID: p.IDToken, Expires: p.ExpiresAt}
	if tok == nil {
		return t
	}
	t.Access, t.Refresh, t.Type = cmp.Or(t.Access, tok.AccessToken), cmp.Or(t.Refresh, tok.RefreshToken), tok.TokenType
	if raw, ok := tok.Extra("id_token").(string); ok {
		t.ID = cmp.Or(t.ID, raw)
	}
	if scope, ok := tok.Extra("scope").(string); ok {
		t.Scope = scope
	}
	if t.Expires.IsZero() {
		t.Expires = tok.Expiry
	}
	return t
}

// PersonName is a person's name in a profile: in full, of its parts, or else a nickname.
func PersonName(u goth.User) string {
	return cmp.Or(u.Name, strings.TrimSpace(u.FirstName+" "+u.LastName), u.NickName)
}
