package oidc

import (
	"context"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
)

// reach puts the back channel into the client that ctx carries.
func (p *Provider) reach(ctx context.Context) context.Context {
	if p.config.BackChannel == "" {
		return ctx
	}
	issuer, err := url.Parse(p.config.Issuer)
	if err != nil {
		return ctx
	}
	to, err := url.Parse(p.config.BackChannel)
	if err != nil {
		return ctx
	}
	client := *fetch.From(ctx)
	if _, already := client.Transport.(backChannel); already {
		return ctx
	}
	client.Transport = backChannel{client.Transport, issuer, to}
	return context.WithValue(ctx, oauth2.HTTPClient, &client)
}

// backChannel leads requests to the issuer's origin to where it is reached from
// here.
type backChannel struct {
	base       http.RoundTripper
	issuer, to *url.URL
}

func (b backChannel) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != b.issuer.Scheme || req.URL.Host != b.issuer.Host {
		return b.base.RoundTrip(req)
	}
	led := req.Clone(req.Context())
	led.Host = b.issuer.Host // by which the provider knows the address it answers for
	led.URL.Scheme, led.URL.Host = b.to.Scheme, b.to.Host
	return b.base.RoundTrip(led)
}
