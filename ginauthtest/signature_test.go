package ginauthtest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
)

// go-oidc accepts what each algorithm signs, at_hash and userinfo too.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			p := start(t, ginauthtest.Config{Algorithm: algorithm, SignUserinfo: true})
			provider, err := oidc.NewProvider(t.Context(), p.Issuer())
			if err != nil {
				t.Fatal(err)
			}
			verify := func() error {
				tokens := exchange(t, p, client(p, provider), "ada")
				idToken, err := provider.Verifier(&oidc.Config{ClientID: p.ClientID()}).Verify(t.Context(), tokens.Extra("id_token").(string))
				if err != nil {
					return err
				}
				if err := idToken.VerifyAccessToken(tokens.AccessToken); err != nil {
					return err
				}
				info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tokens))
				if err == nil && info.Email != "ada@example.com" {
					t.Errorf("userinfo has %+v", info)
				}
				return err
			}
			if err := verify(); err != nil {
				t.Error(err)
			}
			if err := p.RotateKey(); err != nil {
				t.Fatal(err)
			}
			if err := verify(); err != nil {
				t.Errorf("after a rotation: %v", err)
			}
			for _, lie := range []ginauthtest.Signature{ginauthtest.Altered, ginauthtest.WrongKey, ginauthtest.OtherAlgorithm} {
				p.Sign(lie)
				if verify() == nil {
					t.Errorf("%d was accepted", lie)
				}
			}
		})
	}
}

// The other algorithm's key is published, so that a client refuses the algorithm and
// not an unknown key.
func TestOtherAlgorithmIsPublished(t *testing.T) {
	t.Parallel()
	for algorithm, other := range map[string]jose.SignatureAlgorithm{"RS256": jose.ES256, "ES256": jose.RS256} {
		p := start(t, ginauthtest.Config{Algorithm: algorithm})
		p.Sign(ginauthtest.OtherAlgorithm)
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(get(t, p.Issuer()+"/jwks").body, &set); err != nil {
			t.Fatal(err)
		}
		signed, err := jose.ParseSignedCompact(signIn(t, p, goodRequest()).text(t, "id_token"), []jose.SignatureAlgorithm{other})
		if err != nil {
			t.Fatal(err)
		}
		key := set.Key(signed.Signatures[0].Header.KeyID)
		if len(set.Keys) != 2 || len(key) != 1 {
			t.Fatalf("%s: the set has %d keys, %d of that name", algorithm, len(set.Keys), len(key))
		}
		if _, err := signed.Verify(key[0].Key); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// RotateKey within TamperClaims signs the very token with the new key.
func TestRotationJustBeforeSigning(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{Algorithm: "ES256"})
	var before jose.JSONWebKeySet
	if err := json.Unmarshal(get(t, p.Issuer()+"/jwks").body, &before); err != nil {
		t.Fatal(err)
	}
	p.TamperClaims(func(map[string]any) {
		if err := p.RotateKey(); err != nil {
			t.Error(err)
		}
	})
	header, _ := payload(t, signIn(t, p, goodRequest()).text(t, "id_token"))
	if id, _ := header["kid"].(string); id == "" || len(before.Key(id)) != 0 {
		t.Errorf("signed with the former key %q", id)
	}
}

// With TLS the issuer is on https, and the provider reaches the client there too.
func TestTLS(t *testing.T) {
	t.Parallel()
	hints := make(chan string, 1)
	site := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hints <- r.FormValue("logout_token") }))
	t.Cleanup(site.Close)
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	p := start(t, ginauthtest.Config{TLS: &tls.Config{Certificates: site.TLS.Certificates, RootCAs: roots}})
	if !strings.HasPrefix(p.Issuer(), "https://127.0.0.1:") {
		t.Fatalf("the issuer is %s", p.Issuer())
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, site.Client())
	provider, err := oidc.NewProvider(ctx, p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	config := client(p, provider)
	verifier := oauth2.GenerateVerifier()
	callback, err := p.Approve(ctx, config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Exchange(ctx, callback.Query().Get("code"), oauth2.VerifierOption(verifier)); err != nil {
		t.Fatal(err)
	}
	token, err := p.LogoutToken("ada", "")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := p.SendLogout(ctx, site.URL, token); err != nil || status != http.StatusOK || <-hints != token {
		t.Errorf("answered %d, %v", status, err)
	}
}
