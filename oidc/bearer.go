package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/openid"
)

// BearerConfig says which JWT access tokens an API accepts.
type BearerConfig struct {
	// Issuer is the issuer identifier of the authorization server, character by
	// character as its discovery document has it, such as
	// https://login.example.com/realms/staff. Required.
	Issuer string
	// Audience is what the authorization server calls this API, such as
	// https://api.example.com: a token must name it in aud (RFC 9068 §4). It is not the
	// client id of an application. Required: without it any token that the issuer made
	// for anybody would be good here.
	Audience string
	// AllowJWTType also takes tokens whose header has the typ JWT, or none, as Keycloak,
	// Entra ID and Okta write them. RFC 9068 asks for at+jwt, by which an id_token cannot
	// pass for an access token. With this option a token that looks like an id_token is
	// refused in another way: one with nonce, at_hash, c_hash, s_hash or events, and one
	// whose audience is the client it was issued to.
	AllowJWTType bool
	// DiscoveryURL is the address of the discovery document, where that is not Issuer
	// and /.well-known/openid-configuration. The document must name Issuer all the same.
	DiscoveryURL string
	// Adapter and Provider find the user of a token: the one whose account at Provider,
	// the ID of a provider of this site with the same issuer, has the token's sub.
	// Session.User is then the Adapter's user. Default: none. Without them, and where
	// there is no such user, User.ID is the issuer and the sub with a blank between.
	Adapter  ginauth.Adapter
	Provider string
	// Session may change the session that a token gets, by the token's claims: put a
	// role into Values, for instance. Its error refuses the token if it wraps
	// ginauth.ErrInvalidToken; any other answers 503.
	Session func(c *gin.Context, claims map[string]any, s *ginauth.Session) error
	// HTTPClient fetches the discovery document and the keys: only its Transport is
	// used. Default: http.DefaultTransport.
	HTTPClient *http.Client
	// Now is the clock that exp and nbf are held against. Default time.Now.
	Now func() time.Time
}

// NewBearer verifies JWT access tokens of one issuer (RFC 9068), for
// [ginauth.Auth.AcceptBearer]: typ, iss, aud, exp, nbf, sub, and the signature by one of
// the issuer's keys, with an algorithm of public keys. The session's Scopes are the
// token's: of the claims scope, scp and scopes the first that there is.
//
// It touches no network: the discovery document is fetched with the first token and then
// kept, and the keys with the first token of an unknown key, once a minute at most. A
// token whose revocation matters within its lifetime needs another check: the issuer is
// not asked about tokens.
//
// The error names every fault of the configuration.
func NewBearer(config BearerConfig) (ginauth.BearerFunc, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	b := &bearer{config: config, client: &openid.Client{
		Issuer: config.Issuer, ClientID: config.Audience, DiscoveryURL: config.DiscoveryURL, Now: config.Now,
	}}
	var transport http.RoundTripper
	if config.HTTPClient != nil {
		transport = config.HTTPClient.Transport
	}
	b.http = fetch.Client(transport)
	return b.verify, nil
}

func (config BearerConfig) validate() error {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("oidc: BearerConfig."+text)) }
	if hint := issuerFault(config.Issuer); hint != "" {
		fault("Issuer " + hint + ": write the authorization server's issuer URL, such as https://login.example.com")
	}
	switch {
	case config.Audience == "":
		fault("Audience is empty: write what the authorization server calls this API, such as https://api.example.com")
	case strings.TrimSpace(config.Audience) != config.Audience:
		fault("Audience has white space around it: write it without")
	}
	if config.DiscoveryURL != "" {
		if u, err := url.Parse(config.DiscoveryURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
			fault("DiscoveryURL is not an http(s) URL: write the address of the discovery document, or leave it out")
		}
	}
	if (config.Adapter == nil) != (config.Provider == "") {
		fault("Adapter and Provider belong together: set both, or neither")
	}
	return errors.Join(faults...)
}

// bearer verifies the access tokens of one issuer.
type bearer struct {
	config BearerConfig
	client *openid.Client
	http   *http.Client
}

func (b *bearer) verify(c *gin.Context, raw string) (*ginauth.Session, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(c.Request.Context(), oauth2.HTTPClient, b.http), fetch.Timeout)
	defer cancel()
	token, err := b.client.VerifyAccess(ctx, raw, b.config.AllowJWTType)
	if errors.Is(err, openid.ErrAccessToken) {
		return nil, fmt.Errorf("%w: %w", ginauth.ErrInvalidToken, err)
	}
	if err != nil {
		return nil, err
	}
	s := &ginauth.Session{Expires: token.Expires, Scopes: token.Scopes}
	if s.User, err = b.user(ctx, token); err != nil {
		return nil, err
	}
	if b.config.Session != nil {
		if err := b.config.Session(c, token.Claims, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// user is whose token it is.
func (b *bearer) user(ctx context.Context, token *openid.AccessToken) (ginauth.User, error) {
	if b.config.Adapter != nil {
		user, err := b.account(ctx, token.Subject)
		if !errors.Is(err, ginauth.ErrNotFound) {
			return user, err
		}
	}
	// Neither an issuer's URL nor, so that no two are alike, what stands before the first
	// blank of the ID has a blank.
	user := ginauth.User{ID: token.Issuer + " " + token.Subject}
	user.Name, _ = token.Claims["name"].(string)
	if verified, _ := token.Claims["email_verified"].(bool); verified {
		email, _ := token.Claims["email"].(string)
		user.Email = ascii.Lower(email)
	}
	return user, nil
}

// account is the Adapter's user with the issuer's account of this subject. A database may
// take one text for another, so that what it found is looked at again.
func (b *bearer) account(ctx context.Context, subject string) (ginauth.User, error) {
	user, err := b.config.Adapter.GetUserByAccount(ctx, b.config.Provider, subject)
	if err != nil {
		return ginauth.User{}, err
	}
	accounts, err := b.config.Adapter.ListAccounts(ctx, user.ID)
	if err != nil {
		return ginauth.User{}, err
	}
	if user.ID == "" || !slices.ContainsFunc(accounts, func(a ginauth.Account) bool {
		return a.Provider == b.config.Provider && a.ProviderAccountID == subject
	}) {
		return ginauth.User{}, fmt.Errorf("oidc: the Adapter returned a user without the account of the token's subject at %s; it must compare accounts byte by byte", b.config.Provider)
	}
	return user, nil
}
