package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// defaultRoutes is where the auth routes are where nothing else is configured.
const defaultRoutes = "/api/auth"

// maxRedirects bounds how often the site leads on to another address of its own.
const maxRedirects = 5

// A site is a running site, as a browser sees it.
type site struct {
	*doctor
	routes *url.URL // public URL of the auth routes
}

// examineSite asks a running site. It signs nobody in.
func (d *doctor) examineSite(ctx context.Context, asked *url.URL) {
	found, first := d.find(ctx, asked)
	if found == nil {
		return
	}
	s := &site{d, found}
	all := listed(first.body)
	s.ownAddress(all)
	s.providerList(all)
	s.https(ctx, asked)
	s.cookies(ctx)
	s.pages(ctx)
	d.clock("clock", "the site", first)
}

// find looks for the auth routes: below the address, or at it. It returns nil where
// there are none, and says why.
func (d *doctor) find(ctx context.Context, asked *url.URL) (routes *url.URL, first *answer) {
	paths := []string{asked.Path + defaultRoutes}
	if asked.Path != "" {
		paths = append(paths, asked.Path)
	}
	if u, err := url.Parse(d.routes); err == nil && u.Path != "" { // the environment may have another path
		paths = append(paths, u.Path)
	}
	var why string
	for i, path := range paths {
		target := *asked
		target.Path = path + "/providers"
		a, err := d.follow(ctx, target.String())
		if err != nil {
			d.add("site", wrong, "it does not answer: %v", err)
			return nil, nil
		}
		if path, ok := strings.CutSuffix(a.Request.URL.Path, "/providers"); ok && a.StatusCode == http.StatusOK && listed(a.body) != nil {
			found := *a.Request.URL
			found.Path, found.RawQuery = path, ""
			d.add("site", right, "its auth routes are at %s", found.String())
			return &found, a
		}
		if i == 0 {
			why = refusal(a)
		}
	}
	d.add("site", wrong, "%s", why)
	return nil, nil
}

// refusal says what an answer is that is no list of providers.
func refusal(a *answer) string {
	address := a.Request.URL.String()
	switch {
	case a.StatusCode == http.StatusBadRequest && strings.Contains(string(a.body), "host"):
		return fmt.Sprintf("it does not answer for the host %s: set NEXTAUTH_URL or Options.BaseURL to the address that browsers use, and let a proxy pass the header Host, or list it in Options.TrustedProxies", a.Request.URL.Host)
	case a.StatusCode >= http.StatusInternalServerError:
		return fmt.Sprintf("%s answers %d: is the application up behind its proxy?", address, a.StatusCode)
	case a.StatusCode == http.StatusOK:
		return fmt.Sprintf("%s answers something other than the list of providers (%.80q): something in front answers for the auth routes", address, a.Header.Get("Content-Type"))
	case a.StatusCode >= 300 && a.StatusCode < 400:
		return fmt.Sprintf("%s leads to %.200q: something in front answers for the auth routes", address, a.Header.Get("Location"))
	}
	return fmt.Sprintf("%s answers %d: are the auth routes mounted elsewhere (Options.BasePath), or does a proxy change the path? Give their whole address", address, a.StatusCode)
}

// follow is get, where the site leads on to another of its addresses.
func (d *doctor) follow(ctx context.Context, target string) (a *answer, err error) {
	for range maxRedirects {
		if a, err = d.get(ctx, target, nil); err != nil {
			return nil, err
		}
		location, err := a.Location()
		if a.StatusCode < 300 || a.StatusCode >= 400 || err != nil || location.Scheme != "https" && location.Scheme != "http" {
			return a, nil
		}
		target = location.String()
	}
	return a, nil
}

// ownAddress compares what the site takes for its address with the address that it
// was found at.
func (s *site) ownAddress(all map[string]listedProvider) {
	if len(all) == 0 { // providerList says so
		return
	}
	id := slices.Min(slices.Collect(maps.Keys(all)))
	own, err := url.Parse(all[id].CallbackURL)
	if err != nil || own.Host == "" {
		s.add("own address", wrong, "the callback URL of %q is no address", id)
		return
	}
	path := strings.TrimSuffix(own.Path, "/callback/"+id)
	if originOf(own) != originOf(s.routes) {
		s.add("own address", wrong, "the site's own address is %s, but browsers use %s: it refuses their forms. Correct NEXTAUTH_URL or Options.BaseURL; without either, list the proxy in Options.TrustedProxies and let it send X-Forwarded-Host and X-Forwarded-Proto",
			originOf(own), originOf(s.routes))
	} else {
		s.add("own address", right, "%s", originOf(own))
	}
	if path != s.routes.Path {
		s.add("prefix", wrong, "the site writes links to %s, but the auth routes are at %s: write the whole public path of the auth routes into NEXTAUTH_URL or Options.BaseURL", path, s.routes.Path)
	} else {
		s.add("prefix", right, "%s", path)
	}
	if routes := originOf(own) + path; s.doctor.routes != "" && s.doctor.routes != routes {
		s.add("environment", wrong, "the environment puts the auth routes at %s, and the site at %s: was the site started with this environment, or does Options.BaseURL differ from NEXTAUTH_URL?", s.doctor.routes, routes)
	}
}

// providerList is what people can choose from, and what must be registered.
func (s *site) providerList(all map[string]listedProvider) {
	if len(all) == 0 {
		s.add("provider list", wrong, "nobody can sign in: the site lists no provider")
		return
	}
	s.add("provider list", right, "%s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	for _, id := range slices.Sorted(maps.Keys(s.callbacks)) {
		if _, ok := all[id]; !ok {
			s.add("provider list", unseen, "the environment has %s, and the site does not list it: was the site started with this environment, and does it use providers.FromEnv?", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Type != "oauth" && all[id].Type != "oidc" {
			continue
		}
		u, err := url.Parse(all[id].CallbackURL)
		if err != nil || u.Scheme != "https" && !loopback(u) {
			s.add("callback "+id, wrong, "%s is not on https: an attacker on the network can take the authorization code", all[id].CallbackURL)
			continue
		}
		if s.doctor.routes == "" || s.callbacks[id] != all[id].CallbackURL { // else it was said
			s.add("callback "+id, right, "register %s at the provider", all[id].CallbackURL)
		}
	}
}

// https reports whether plain http leads to https.
func (s *site) https(ctx context.Context, asked *url.URL) {
	switch {
	case s.routes.Scheme == "http" && loopback(s.routes):
		s.add("https", right, "not needed on this machine alone")
		return
	case s.routes.Scheme == "http":
		s.add("https", wrong, "the site answers on plain http: passwords and sessions can be read on the way")
		return
	case asked.Scheme == "http": // and it led here
		s.add("https", right, "%s leads to %s", originOf(asked), originOf(s.routes))
		return
	case s.routes.Port() != "" && s.routes.Port() != "443":
		s.add("https", unseen, "the site is on port %s: no rule says which port of it would speak plain http", s.routes.Port())
		return
	}
	plain := url.URL{Scheme: "http", Host: s.routes.Hostname(), Path: s.routes.Path + "/providers"}
	if strings.Contains(plain.Host, ":") {
		plain.Host = "[" + plain.Host + "]"
	}
	a, err := s.get(ctx, plain.String(), nil)
	if err != nil {
		s.add("https", right, "nothing answers on plain http")
		return
	}
	location, err := a.Location()
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400 && err == nil && location.Scheme == "https":
		s.add("https", right, "%s leads to it", originOf(&plain))
	case a.StatusCode < 400:
		s.add("https", wrong, "%s answers %d and does not lead to https: redirect it", plain.String(), a.StatusCode)
	default:
		s.add("https", right, "plain http answers %d", a.StatusCode)
	}
}

// pages asks for what must not be kept by a cache.
func (s *site) pages(ctx context.Context) {
	var kept []string
	for _, name := range []string{"csrf", "session", "signin"} {
		a, err := s.get(ctx, s.routes.JoinPath(name).String(), http.Header{"Accept": {"text/html, application/json"}})
		switch {
		case err != nil:
			s.add("route "+name, wrong, "it does not answer: %v", err)
		case a.StatusCode == http.StatusFound && name == "signin": // to a page of the application's own
		case a.StatusCode != http.StatusOK:
			s.add("route "+name, wrong, "it answers %d: does a proxy pass on every path below %s?", a.StatusCode, s.routes.Path)
		case name == "session" && !isSession(a.body):
			s.add("route "+name, wrong, "it answers no session as JSON: something in front answers for it")
		case !strings.Contains(strings.Join(a.Header["Cache-Control"], ","), "no-store"):
			kept = append(kept, fmt.Sprintf("%s has Cache-Control %q", name, strings.Join(a.Header["Cache-Control"], ", ")))
		case a.Header.Get("Age") != "":
			kept = append(kept, fmt.Sprintf("%s comes from a cache, %.20s seconds old", name, a.Header.Get("Age")))
		}
	}
	if len(kept) > 0 {
		s.add("cache", wrong, "a cache in between may give one person's answer to another: %s; let the proxy keep no-store, and cache nothing below %s", strings.Join(kept, "; "), s.routes.Path)
		return
	}
	s.add("cache", right, "answers about a person are not stored")
}

// isSession tells the answer for nobody, {} or null, or for a person.
func isSession(body []byte) bool {
	var session *struct{}
	return json.Unmarshal(body, &session) == nil
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// loopback reports whether a browser takes the host for this machine.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
