package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
)

// An issuing provider is an OpenID provider, such as those of package oidc.
type issuing interface {
	// AuthorizationIssuer fetches and checks the issuer's discovery document.
	AuthorizationIssuer(ctx context.Context) (issuer string, required bool, err error)
}

// examineIssuers has each OpenID provider of the environment fetch and check its
// issuer's discovery document, as a sign-in does first.
func (d *doctor) examineIssuers(ctx context.Context) {
	for _, p := range d.providers {
		made, ok := p.(ginauth.OAuth)
		if !ok {
			continue
		}
		if issuer, ok := made.Provider.(issuing); ok {
			d.issuer(ctx, "issuer "+providerID(made), issuer)
		}
	}
}

func (d *doctor) issuer(ctx context.Context, check string, p issuing) {
	heard := &listener{doctor: d}
	client := &http.Client{Transport: heard, Timeout: requestTimeout}
	issuer, _, err := p.AuthorizationIssuer(context.WithValue(ctx, oauth2.HTTPClient, client))
	var mismatch *oidc.IssuerMismatchError
	switch last := heard.last; {
	case errors.As(err, &mismatch):
		d.add(check, wrong, "the environment says %q, and the issuer's document %q: write the issuer as its document has it, character by character",
			mismatch.Provided, mismatch.Discovered)
	case err != nil && last != nil && last.Header.Get("Location") != "":
		d.add(check, wrong, "%s leads to %.200q, and an issuer answers itself: write the issuer's own address, with its scheme and host", last.Request.URL, last.Header.Get("Location"))
	case err != nil && last != nil && last.StatusCode != http.StatusOK:
		d.add(check, wrong, "%s answers %d: are the issuer's host, path and realm right?", last.Request.URL, last.StatusCode)
	case err != nil:
		d.add(check, wrong, "%v", err)
	default:
		if err := d.keys(ctx, issuer, last); err != nil {
			d.add(check, wrong, "%s names itself so, but %v", issuer, err)
		} else {
			d.add(check, right, "%s names itself so", issuer)
		}
		d.clock(check+" clock", "the issuer", last)
	}
}

// keys reports whether there are keys that the issuer signs with. Where its document
// came through a back channel, its own addresses may not be reached from here.
func (d *doctor) keys(ctx context.Context, issuer string, discovery *answer) error {
	own, err := url.Parse(issuer)
	if err != nil || own.Host != discovery.Request.URL.Host {
		return nil
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(discovery.body, &document); err != nil {
		return fmt.Errorf("its document cannot be read: %w", err)
	}
	a, err := d.get(ctx, document.Keys, nil)
	if err != nil {
		return fmt.Errorf("its keys do not come: %w", err)
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("its jwks_uri, %s, answers %d", document.Keys, a.StatusCode)
	}
	var set struct {
		Keys []struct {
			Use string `json:"use"` // RFC 7517 §4.2
		} `json:"keys"`
	}
	if json.Unmarshal(a.body, &set) == nil {
		for _, key := range set.Keys {
			if key.Use != "enc" {
				return nil
			}
		}
	}
	return fmt.Errorf("its jwks_uri, %s, has no key that signs", document.Keys)
}

// A listener keeps the last answer that went by.
type listener struct {
	doctor *doctor
	last   *answer
}

func (l *listener) RoundTrip(req *http.Request) (*http.Response, error) {
	began := l.doctor.now()
	res, err := l.doctor.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1)) // one more, which the library refuses
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	l.last = &answer{res, body, began.Add(l.doctor.now().Sub(began) / 2)}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}
