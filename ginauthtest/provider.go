// Package ginauthtest is a small OpenID provider on a loopback address, for
// tests and for examples that run with no account anywhere.
//
// It is a real provider: a client needs no mock and no special case to sign
// in with it. It is strict: it refuses what RFC 6749, RFC 7636, RFC 9207,
// RFC 9700 and OpenID Connect Core forbid, so that a careless client fails here and
// not in production. And it can lie: each answer can be
// altered, signed wrongly or broken off, so that a client's defences can be
// seen to work.
//
// It asks for no password. Anyone who reaches it can sign in as any of its people,
// so it listens on loopback addresses only. It does not know ginauth.
//
//	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer idp.Close()
//	local := oidc.New(oidc.Config{
//		Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
//	})
//
// For tests of an application that uses ginauth there is [SignIn] beside it, which needs
// no provider: it gives a request the session of anybody.
package ginauthtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Config describes a [Provider]. The zero value is a working, strict one.
type Config struct {
	// People can be chosen on the sign-in page. Default: Ada Lovelace with the
	// subject "ada" and Grace Hopper with the subject "grace", with verified
	// example.com addresses.
	People []Person

	// ClientID names the one client. Default: "ginauth".
	ClientID string

	// ClientSecret authenticates the client at the token endpoint. Default:
	// random, see [Provider.ClientSecret].
	ClientSecret string

	// RedirectURIs are the allowed values of redirect_uri, compared character
	// by character (RFC 9700 §2.1). Default: any http or https URI on a
	// loopback host.
	RedirectURIs []string

	// Addr is the host:port to listen on. Default: "127.0.0.1:0", a free port.
	// The host must be a loopback address or "localhost".
	Addr string

	// AllowNoPKCE admits authorization requests without a code_challenge, for
	// old clients. A challenge that was sent is verified all the same, and the
	// method "plain" is never accepted.
	AllowNoPKCE bool

	// TokenLifetime is how long access and ID tokens live, in whole seconds.
	// Default: one hour.
	TokenLifetime time.Duration

	// APIAudience makes access tokens JWTs (RFC 9068) for this API, which is their aud,
	// such as "https://api.example.com". Default: they are opaque, and good for the
	// userinfo endpoint alone.
	APIAudience string

	// Algorithm is the JOSE name of the algorithm that signs ID tokens, logout tokens
	// and userinfo: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or
	// EdDSA (RFC 7518 §3.1, RFC 8037 §3.1). Default: "RS256".
	Algorithm string

	// SignUserinfo answers userinfo as a JWT signed with the key of ID tokens
	// (OpenID Connect Core §5.3.2), as for a client that registered a
	// userinfo_signed_response_alg.
	SignUserinfo bool

	// TLS serves https with its Certificates, and the issuer begins with https. The
	// provider's own requests, those of [Provider.Approve] and [Provider.SendLogout],
	// trust its RootCAs. Default: nil, which serves http.
	TLS *tls.Config

	// Now is the provider's clock. It must be safe for concurrent use.
	// Default: time.Now.
	Now func() time.Time
}

// closeGrace is how long Close waits for handlers whose connection is gone.
const closeGrace = 2 * time.Second

// Provider is a running OpenID provider. Its methods are safe for concurrent
// use.
type Provider struct {
	cfg      Config
	issuer   string
	keys     *keys
	grants   *grants
	lies     lies
	requests tokenLog
	routes   routes

	server *http.Server
	client *http.Transport // for Approve, Cancel and Transport
	cancel context.CancelFunc
	served chan error

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // handlers at work
}

// NewProvider listens on the configured address and serves until
// [Provider.Close]. Its error names every fault of the configuration.
func NewProvider(cfg Config) (*Provider, error) {
	cfg = cfg.withDefaults()
	host, err := cfg.check()
	if err != nil {
		return nil, err
	}
	keys, err := newKeys(jose.SignatureAlgorithm(cfg.Algorithm))
	if err != nil {
		return nil, err
	}
	listener, err := listen(cfg.Addr)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ginauthtest: address: %w", err), listener.Close())
	}

	ctx, cancel := context.WithCancel(context.Background())
	scheme := "http://"
	if cfg.TLS != nil {
		scheme = "https://"
	}
	p := &Provider{
		cfg:    cfg,
		issuer: scheme + net.JoinHostPort(host, port),
		keys:   keys,
		grants: newGrants(cfg.TokenLifetime),
		client: &http.Transport{MaxIdleConnsPerHost: 16},
		cancel: cancel,
		served: make(chan error, 1),
	}
	p.server = &http.Server{
		Handler:           p.handler(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
	}
	if cfg.TLS != nil {
		p.server.TLSConfig = cfg.TLS.Clone()
		p.client.TLSClientConfig = &tls.Config{RootCAs: cfg.TLS.RootCAs}
		go func() { p.served <- p.server.ServeTLS(listener, "", "") }()
		return p, nil
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// Issuer is the provider's issuer identifier, such as
// "http://127.0.0.1:40123", or https with [Config].TLS. An endpoint's URL is the issuer followed by the
// [Endpoint].
func (p *Provider) Issuer() string { return p.issuer }

// ClientID is the identifier of the one client.
func (p *Provider) ClientID() string { return p.cfg.ClientID }

// ClientSecret is the secret of the one client.
func (p *Provider) ClientSecret() string { return p.cfg.ClientSecret }

// People are those who can sign in. The result is a copy.
func (p *Provider) People() []Person { return clonePeople(p.cfg.People) }

// Close stops the provider and drops all its connections, also those kept
// waiting by [Silent] or [Drip]. It is an error if a handler given to
// [Provider.Break] still runs two seconds later. Closing again does nothing.
func (p *Provider) Close() error {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	p.mu.Unlock()
	if already {
		return nil
	}

	// Connections are dropped before handlers are told to stop: what a silent
	// handler might still write on its way out then reaches nobody.
	err := p.server.Close()
	p.cancel()
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	p.client.CloseIdleConnections()

	done := make(chan struct{})
	go func() { p.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(closeGrace):
		err = errors.Join(err, errors.New("ginauthtest: a handler still runs after close"))
	}
	return err
}

// enter counts a handler in, unless the provider is closed.
func (p *Provider) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

func (cfg Config) withDefaults() Config {
	if len(cfg.People) == 0 {
		cfg.People = defaultPeople()
	}
	cfg.People = clonePeople(cfg.People)
	cfg.RedirectURIs = append([]string(nil), cfg.RedirectURIs...)
	if cfg.ClientID == "" {
		cfg.ClientID = "ginauth"
	}
	if cfg.ClientSecret == "" {
		cfg.ClientSecret = rand.Text()
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.TokenLifetime == 0 {
		cfg.TokenLifetime = time.Hour
	}
	if cfg.Algorithm == "" {
		cfg.Algorithm = string(jose.RS256)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// check answers the host of the issuer, or every fault there is.
func (cfg Config) check() (host string, err error) {
	faults := checkPeople(cfg.People)
	for _, uri := range cfg.RedirectURIs {
		if _, err := parseRedirectURI(uri); err != nil {
			faults = append(faults, fmt.Errorf("ginauthtest: redirect URI %q: %w", uri, err))
		}
	}
	if cfg.TokenLifetime < time.Second || cfg.TokenLifetime%time.Second != 0 {
		faults = append(faults, fmt.Errorf("ginauthtest: token lifetime %v is not a number of whole seconds", cfg.TokenLifetime))
	}
	if !slices.Contains(algorithms(), jose.SignatureAlgorithm(cfg.Algorithm)) {
		faults = append(faults, fmt.Errorf("ginauthtest: algorithm %q is none of %v", cfg.Algorithm, algorithms()))
	}
	if cfg.TLS != nil && len(cfg.TLS.Certificates) == 0 && cfg.TLS.GetCertificate == nil {
		faults = append(faults, errors.New("ginauthtest: TLS has no certificate"))
	}
	host, _, err = net.SplitHostPort(cfg.Addr)
	if err != nil {
		faults = append(faults, fmt.Errorf("ginauthtest: address: %w", err))
	} else if !isLoopback(host) {
		faults = append(faults, fmt.Errorf("ginauthtest: address %q is not on a loopback host", cfg.Addr))
	}
	return host, errors.Join(faults...)
}

// listen refuses a name that says localhost and resolves to somewhere else:
// what answers without a password must not be reachable from the network.
func listen(addr string) (net.Listener, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: address: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("ginauthtest: address %q is not on a loopback host", addr)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: %w", err)
	}
	return listener, nil
}

// isLoopback tells whether a host without its port is this machine: a
// loopback address, or localhost and the names below it (RFC 6761 §6.3).
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = ascii.Lower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
