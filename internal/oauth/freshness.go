package oauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// authLeeway is how much older a sign-in at the provider may be than max_age
	// says. Both of its times are the provider's, so that this covers rounding and
	// no difference of clocks.
	authLeeway = time.Minute
	// authAhead is how far auth_time may lie behind iat: a provider of several
	// servers has several clocks. A time in milliseconds lies further ahead.
	authAhead = 5 * time.Minute
	// maxMaxAge is the longest max_age, in seconds: 100 years.
	maxMaxAge = 100 * 365 * 24 * 60 * 60
)

// parseMaxAge reads the max_age of an authorization request (OpenID Connect Core
// §3.1.2.1): how many seconds ago the person may have proved who they are at the
// provider. It is nil where the request has none.
func parseMaxAge(params url.Values) (*int64, error) {
	values, set := params["max_age"]
	if !set {
		return nil, nil
	}
	if len(values) != 1 {
		return nil, errors.New("max_age stands more than once")
	}
	seconds, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil || seconds > maxMaxAge {
		return nil, fmt.Errorf("max_age is %.20q; write a number of seconds, such as 3600", values[0])
	}
	age := int64(seconds)
	return &age, nil
}

// checkAuthTime holds the auth_time of the id_token against the max_age that was
// sent (OpenID Connect Core §3.1.3.7, no. 13), which the transaction remembers:
// the URL went through the browser, where anybody at it could take max_age out.
//
// A provider decides when the browser comes, which is not before the sign-in
// began. The person may then take a while, to consent for instance: so auth_time
// must not be older than max_age at the beginning.
func (tx *Transaction) checkAuthTime(id Identity, openID bool, now time.Time) error {
	if tx.MaxAge == nil {
		return nil
	}
	raw := idToken(id)
	if raw == "" && !openID {
		return nil // a plain OAuth 2.0 service gives the parameter no such meaning
	}
	claims, err := readClaims(raw)
	var times tokenTimes
	if err == nil {
		times, err = readTimes(claims)
	}
	if err != nil {
		return fmt.Errorf("oauth: max_age was sent, and %w", err)
	}
	took := max(0, now.Sub(time.Unix(tx.Expires, 0).Add(-Lifetime)))
	age := times.issued.Sub(times.authenticated)
	allowed := time.Duration(*tx.MaxAge) * time.Second
	switch {
	case age < -authAhead:
		return fmt.Errorf("oauth: the auth_time of the id_token is %v after its iat", -age)
	case age-took > allowed+authLeeway:
		return fmt.Errorf("oauth: the person proved who they are %v before the id_token was issued; max_age was %v, and the sign-in took %v",
			age, allowed, took.Round(time.Second))
	}
	return nil
}

// idToken is the one that the provider's code has verified; empty where there is
// none.
func idToken(id Identity) string {
	if id.Token != nil {
		if raw, ok := id.Token.Extra("id_token").(string); ok && raw != "" {
			return raw
		}
	}
	return id.Profile.IDToken
}

// Authentication is how a person proved who they are at the provider, as the claims of
// its verified id_token say it. The zero one says nothing: nothing else is believed,
// neither userinfo nor the id_token of a service whose code verifies none.
type Authentication struct {
	Time    time.Time // auth_time; zero where it is missing, or no time of the past
	Methods []string  // amr (RFC 8176)
	Class   string    // acr
}

func (p *Provider) authentication(id Identity) (a Authentication) {
	if !p.openID {
		return Authentication{}
	}
	claims, err := readClaims(idToken(id))
	if err != nil {
		return Authentication{}
	}
	if times, err := readTimes(claims); err == nil && times.authenticated.Sub(times.issued) <= authAhead {
		a.Time = times.authenticated
	}
	a.Class, _ = claims["acr"].(string)
	methods, _ := claims["amr"].([]any)
	for _, method := range methods {
		if text, ok := method.(string); ok {
			a.Methods = append(a.Methods, text)
		}
	}
	return a
}

// readClaims reads an id_token that has been verified. The map compares names exactly: a
// struct would also take "Auth_Time".
func readClaims(raw string) (claims map[string]any, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("the answer has no id_token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil, errors.New("the id_token is not readable")
	}
	return claims, nil
}

type tokenTimes struct{ authenticated, issued time.Time }

// issuedAt is the iat of the id_token; zero where it is none.
func issuedAt(id Identity) time.Time {
	claims, _ := readClaims(idToken(id))
	seconds, ok := claims["iat"].(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// readTimes reads auth_time and iat.
func readTimes(claims map[string]any) (tokenTimes, error) {
	at := func(name string) (time.Time, error) {
		seconds, _ := claims[name].(float64)
		if seconds <= 0 || seconds > 1<<40 {
			return time.Time{}, fmt.Errorf("the id_token has no %s that is a number of seconds", name)
		}
		return time.Unix(int64(seconds), 0), nil
	}
	var t tokenTimes
	var err error
	if t.authenticated, err = at("auth_time"); err != nil {
		return tokenTimes{}, err
	}
	t.issued, err = at("iat")
	return t, err
}
