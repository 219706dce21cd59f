// Package openid is one OpenID Connect issuer as a relying party sees it:
// discovery, the checks of id_tokens and logout tokens, and userinfo. It follows
// OpenID Connect Core 1.0 and Discovery 1.0, on coreos/go-oidc. It does not know the
// browser's side of a sign-in, or sessions.
//
// The HTTP client comes from the context, under the key oauth2.HTTPClient. It
// is kept for as long as the Client lives (key rotation fetches with it), so it
// must not be bound to one request. See [HTTPClient] for what is added to it.
package openid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/redact"
)

// sharedTimeout bounds one request for metadata or keys. Several
// callers wait for it, so no caller's deadline can bound it instead. It ends before the
// callers' own deadlines, so that later callers do not join a request that is lost.
const sharedTimeout = fetch.Timeout - time.Second

// Client is a relying party registered at one issuer. The exported fields are
// set before first use and not changed after. A Client must not be copied; its
// methods may be called by many goroutines at once.
type Client struct {
	// Issuer is the issuer identifier, exactly as the issuer writes it: a
	// trailing slash counts.
	Issuer string
	// ClientID is the audience that id_tokens must name.
	ClientID string
	// Now is the clock that exp, nbf and iat are compared with. Default time.Now.
	Now func() time.Time
	// Family is set where the document at Issuer speaks for many issuers.
	Family *Family
	// DiscoveryURL is where the discovery document is, for an issuer that has it
	// elsewhere than below its identifier. The document must name Issuer all the same.
	DiscoveryURL string
	// AuthURL, TokenURL and UserInfoURL take the place of the document's endpoints.
	AuthURL, TokenURL, UserInfoURL string
	// AudiencesWithoutParty accepts a token for several audiences, this client among
	// them, without azp.
	AudiencesWithoutParty bool
	// NonceOptional accepts an id_token without a nonce, for the issuer that
	// leaves it out. A nonce that is present must still be the one that was sent.
	NonceOptional bool

	metadata atomic.Pointer[Metadata]
	flights  singleflight.Group
}

// Discover returns the issuer's metadata (OpenID Connect Discovery 1.0 §4).
//
// The first success is kept for the life of the Client. A failure is not: the
// next call asks again, so a provider that is down when the program starts
// does no lasting harm. Callers that arrive together share one request, and
// each waits no longer than its own ctx allows.
func (c *Client) Discover(ctx context.Context) (*Metadata, error) {
	if m := c.metadata.Load(); m != nil {
		return m, nil
	}
	client := *fetch.From(ctx)
	client.Timeout = min(client.Timeout, sharedTimeout)
	flight := c.flights.DoChan("", func() (any, error) {
		// A caller may have looked before the last flight landed.
		if m := c.metadata.Load(); m != nil {
			return m, nil
		}
		// Of the caller's context only the client is taken, which bounds the request.
		// Its deadline would fail the others, and its values would live as long as the
		// key set.
		m, err := c.fetch(oidc.ClientContext(context.Background(), &client))
		if err != nil {
			return nil, err
		}
		c.metadata.Store(m)
		return m, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("openid: discovery of %s: %w", c.Issuer, ctx.Err())
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*Metadata), nil
	}
}

// fetch reads and checks the discovery document. ctx carries the HTTP client,
// which the key set keeps.
func (c *Client) fetch(ctx context.Context) (*Metadata, error) {
	step := "openid: discovery of " + c.Issuer
	doc, err := c.document(ctx)
	if err != nil {
		return nil, Fault(ctx, step, err)
	}
	issuer := c.Issuer
	if c.Family != nil {
		if err := c.Family.Document(doc.Issuer); err != nil {
			return nil, Fault(ctx, step, err)
		}
		issuer = doc.Issuer
	}
	for _, e := range [...]struct {
		to    *string
		value string
	}{{&doc.Authorization, c.AuthURL}, {&doc.Token, c.TokenURL}, {&doc.UserInfo, c.UserInfoURL}} {
		if e.value != "" {
			*e.to = e.value
		}
	}
	if err := doc.check(c.Issuer); err != nil {
		return nil, Fault(ctx, step, err)
	}
	algorithms, err := acceptedAlgorithms(doc.Algorithms)
	if err != nil {
		return nil, Fault(ctx, step, err)
	}
	config := &oidc.Config{
		ClientID:             c.ClientID,
		SupportedSigningAlgs: algorithms,
		Now:                  c.now,
		SkipIssuerCheck:      c.Family != nil, // Family.Token checks it
	}
	provider := doc.provider(ctx)
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = authStyle(doc.AuthMethods)
	return &Metadata{
		Issuer:             issuer,
		Endpoint:           endpoint,
		UserInfoEndpoint:   doc.UserInfo,
		EndSessionEndpoint: doc.EndSession,
		ResponseIssuer:     doc.ResponseIssuer,
		Algorithms:         algorithms,
		Provider:           provider,
		keyIssuers:         &keyIssuers{url: doc.JWKS},
		verifier:           provider.Verifier(config),
		userinfos:          provider.Verifier(c.userinfoConfig()),
		accesses:           oidc.NewVerifier(issuer, accessKeys{sparingKeys(*fetch.From(ctx), doc.JWKS, maxBearerKeyFetches)}, c.accessConfig()),
		handed:             oidc.NewVerifier(issuer, sparingKeys(*fetch.From(ctx), doc.JWKS, maxKeyFetches), c.handedConfig(algorithms)),
		logouts:            oidc.NewVerifier(issuer, sparingKeys(*fetch.From(ctx), doc.JWKS, maxKeyFetches), config),
	}, nil
}

// discoveryURL is where the discovery document is (OpenID Connect Discovery 1.0 §4).
func (c *Client) discoveryURL() string {
	if c.DiscoveryURL != "" {
		return c.DiscoveryURL
	}
	return strings.TrimSuffix(c.Issuer, "/") + "/.well-known/openid-configuration"
}

// document reads the discovery document. Its errors show addresses and issuers whole:
// they differ by a realm, a slash or a capital letter.
func (c *Client) document(ctx context.Context) (doc document, err error) {
	address := c.discoveryURL()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return doc, err
	}
	res, err := fetch.From(ctx).Do(req)
	if err != nil {
		return doc, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return doc, redact.Told(nil, "openid: the discovery document's address, %s, answered %d", redact.URL(address), res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		return doc, fmt.Errorf("what %s answered is no discovery document: %w", address, err)
	}
	if c.Family == nil && doc.Issuer != c.Issuer {
		return doc, redact.Told(&oidc.IssuerMismatchError{Provided: c.Issuer, Discovered: doc.Issuer},
			"openid: the issuer did not match: %s is configured, and the discovery document at %s is of the issuer %s; write that one, character by character",
			redact.URL(c.Issuer), redact.URL(address), redact.URL(doc.Issuer))
	}
	return doc, nil
}

// provider is go-oidc's view of a document.
func (d *document) provider(ctx context.Context) *oidc.Provider {
	return (&oidc.ProviderConfig{
		IssuerURL: d.Issuer, AuthURL: d.Authorization, TokenURL: d.Token,
		UserInfoURL: d.UserInfo, JWKSURL: d.JWKS, Algorithms: d.Algorithms,
	}).NewProvider(ctx)
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
