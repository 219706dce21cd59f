package ginauthtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Approve does what the person's browser does: it goes to the authorization
// URL, chooses the person with that subject and answers where the provider
// then sends the browser, without going there. If the provider refuses the
// request, that is the client's redirect URI with an error parameter; it is an
// error if the provider shows the person a problem instead.
//
// The URL is one of this provider's, or one that a route of
// [Provider.Transport] leads to its authorization endpoint.
func (p *Provider) Approve(ctx context.Context, authorizationURL, subject string) (callback *url.URL, err error) {
	return redirected(p.decide(ctx, authorizationURL, fieldSubject, subject))
}

// Cancel is [Provider.Approve] for a person who cancels: the client's redirect
// URI has error=access_denied.
func (p *Provider) Cancel(ctx context.Context, authorizationURL string) (callback *url.URL, err error) {
	return redirected(p.decide(ctx, authorizationURL, fieldCancel, "1"))
}

// ApprovePost is [Provider.Approve] for an authorization URL that asks for
// response_mode=form_post. It answers the request by which the browser brings the
// form to the client's redirect URI, unsent, and with the provider's Origin.
// Cookies are for the caller to put in: the request is a cross-site one, so a
// browser sends those that are SameSite=None and no others.
func (p *Provider) ApprovePost(ctx context.Context, authorizationURL, subject string) (callback *http.Request, err error) {
	return posted(p.decide(ctx, authorizationURL, fieldSubject, subject))
}

// CancelPost is [Provider.ApprovePost] for a person who cancels.
func (p *Provider) CancelPost(ctx context.Context, authorizationURL string) (callback *http.Request, err error) {
	return posted(p.decide(ctx, authorizationURL, fieldCancel, "1"))
}

// way is where the provider sends the browser: one of the two is set.
type way struct {
	redirect *url.URL
	post     *http.Request
}

func redirected(to *way, err error) (*url.URL, error) {
	if err == nil && to.redirect == nil {
		err = errors.New("ginauthtest: the provider answers by POST: use ApprovePost or CancelPost")
	}
	if err != nil {
		return nil, err
	}
	return to.redirect, nil
}

func posted(to *way, err error) (*http.Request, error) {
	if err == nil && to.post == nil {
		err = errors.New("ginauthtest: the provider answers by a redirect: use Approve or Cancel")
	}
	if err != nil {
		return nil, err
	}
	return to.post, nil
}

func (p *Provider) decide(ctx context.Context, authorizationURL, field, value string) (*way, error) {
	target, err := url.Parse(authorizationURL)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: authorization URL: %w", err)
	}
	own := p.issuer + string(Authorize)
	if at := target.Scheme + "://" + target.Host + target.Path; at != own && p.routes.find(target) != string(Authorize) {
		return nil, fmt.Errorf("ginauthtest: authorization URL leads to %s, not to this provider", at)
	}

	page, err := http.NewRequestWithContext(ctx, http.MethodGet, own+"?"+target.RawQuery, nil)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: authorization URL: %w", err)
	}
	if to, err := p.visit(page); to != nil || err != nil {
		return to, err
	}

	form := target.Query()
	form.Del(fieldSubject)
	form.Del(fieldCancel)
	form.Set(field, value)
	choice, err := http.NewRequestWithContext(ctx, http.MethodPost, own, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: authorization URL: %w", err)
	}
	choice.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	to, err := p.visit(choice)
	if to == nil && err == nil {
		err = errors.New("ginauthtest: the sign-in page did not redirect")
	}
	return to, err
}

// visit answers where the provider sends the browser, or nil if it shows a page
// that asks.
func (p *Provider) visit(r *http.Request) (*way, error) {
	r.Header.Set("Accept", "text/plain") // problems without their page
	response, err := p.client.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: sign-in page: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		location, err := response.Location()
		if err != nil {
			return nil, fmt.Errorf("ginauthtest: sign-in page: %w", err)
		}
		return &way{redirect: location}, nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: sign-in page: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ginauthtest: sign-in page: %s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	action, form, err := readFormPost(text)
	if err != nil || action == "" {
		return nil, err
	}
	post, err := http.NewRequestWithContext(r.Context(), http.MethodPost, action, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: redirect URI: %w", err)
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", p.issuer)
	return &way{post: post}, nil
}

// Transport answers a RoundTripper for clients whose endpoints are fixed, such
// as goth's providers for GitHub, Google, Discord and Auth0. It sends a
// request for a key of routes, a host and a path such as
// "github.com/login/oauth/access_token", to that path of this provider, such
// as "/token", with its method, headers, query and body. Any other request is
// an error and goes nowhere.
//
// A route to "/authorize" also lets [Provider.Approve] and [Provider.Cancel]
// take that address.
func (p *Provider) Transport(routes map[string]string) http.RoundTripper {
	p.routes.add(routes)
	return &transport{provider: p, routes: normalise(routes)}
}

type transport struct {
	provider *Provider
	routes   map[string]string
}

// RoundTrip leaves the request it is given as it is, and closes its body in
// any case, as http.RoundTripper demands.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	path, ok := t.routes[routeKey(r.URL)]
	if !ok {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("ginauthtest: no route for %s", routeKey(r.URL))
	}
	routed, err := r.URL.Parse(t.provider.issuer + path)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("ginauthtest: route: %w", err)
	}
	routed.RawQuery = r.URL.RawQuery
	sent := r.Clone(r.Context())
	sent.URL, sent.Host = routed, ""
	response, err := t.provider.client.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	response.Request = r
	return response, nil
}

// routes are all that Transport was ever given.
type routes struct {
	mu    sync.Mutex
	paths map[string]string
}

func (r *routes) add(routes map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paths == nil {
		r.paths = make(map[string]string)
	}
	for key, path := range normalise(routes) {
		r.paths[key] = path
	}
}

func (r *routes) find(target *url.URL) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paths[routeKey(target)]
}

func routeKey(target *url.URL) string { return ascii.Lower(target.Host) + target.Path }

// normalise copies routes with their hosts in lower case.
func normalise(routes map[string]string) map[string]string {
	copied := make(map[string]string, len(routes))
	for key, path := range routes {
		host, rest, _ := strings.Cut(key, "/")
		copied[ascii.Lower(host)+"/"+rest] = path
	}
	return copied
}
