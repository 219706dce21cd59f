package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// cookies asks for a form's token, reports what a browser makes of its cookies, and
// sends the form back as one would: signing out, with nobody signed in, changes nothing.
func (s *site) cookies(ctx context.Context) {
	first, err := s.form(ctx, nil)
	if err != nil {
		s.add("cookies", wrong, "%v", err)
		return
	}
	faults := s.cookieFaults(first)
	for _, fault := range faults {
		s.add("cookies", wrong, "%s", fault)
	}
	if len(faults) == 0 {
		s.add("cookies", right, "%s is %s", first.csrf.Name, flags(first.csrf))
	}
	if first.csrf == nil {
		return
	}
	switch again, err := s.form(ctx, nil); {
	case err != nil:
		s.add("cookies", wrong, "%v", err)
	case again.token == first.token:
		s.add("cache", wrong, "two visitors get the same CSRF token: a cache keeps answers; let it cache nothing below %s", s.routes.Path)
	}
	sent := http.Header{"Cookie": {first.csrf.Name + "=" + first.csrf.Value}}
	again, err := s.form(ctx, sent)
	switch {
	case err != nil:
		s.add("form", wrong, "%v", err)
	case again.token != first.token:
		s.add("form", wrong, "the site does not get the cookie back that it set: does a proxy drop the header Cookie, or do processes with different secrets answer in turn?")
	default:
		s.submit(ctx, first)
	}
}

// A form is what the site gives to make one of.
type form struct {
	token   string
	csrf    *http.Cookie // the token's; nil if none was set
	cookies []*http.Cookie
}

func (s *site) form(ctx context.Context, header http.Header) (*form, error) {
	a, err := s.get(ctx, s.routes.JoinPath("csrf").String(), header)
	if err != nil {
		return nil, err
	}
	var body struct {
		Token string `json:"csrfToken"`
	}
	if json.Unmarshal(a.body, &body) != nil || body.Token == "" {
		return nil, fmt.Errorf("%s/csrf answers %d and no token: does a proxy pass on every path below it?", s.routes, a.StatusCode)
	}
	f := &form{token: body.Token, cookies: a.Cookies()}
	for _, c := range f.cookies {
		if strings.HasSuffix(c.Name, ".csrf-token") {
			f.csrf = c
		}
	}
	return f, nil
}

// cookieFaults are the ways in which a browser would refuse the cookies, or keep them
// less safe than the site made them. See RFC 6265bis §4.1.3 for the names.
func (s *site) cookieFaults(f *form) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if f.csrf == nil {
		fault("no answer sets the CSRF cookie: does a proxy or cache drop Set-Cookie?")
		return faults
	}
	secure := s.routes.Scheme == "https"
	seen := map[string]bool{}
	for _, c := range f.cookies {
		name := fmt.Sprintf("%.60q", c.Name)
		host := strings.HasPrefix(c.Name, "__Host-")
		prefixed := host || strings.HasPrefix(c.Name, "__Secure-")
		if !strings.HasSuffix(c.Name, ".csrf-token") && !strings.HasSuffix(c.Name, ".callback-url") {
			continue // the application's or the proxy's own
		}
		if seen[c.Name] {
			fault("%s is set twice", name)
		}
		seen[c.Name] = true
		switch {
		case secure && !prefixed:
			fault("%s lacks __Host- or __Secure- in front: the site takes the request for plain http. Write https into NEXTAUTH_URL or Options.BaseURL, or have a trusted proxy send X-Forwarded-Proto", name)
		case !secure && (prefixed || c.Secure):
			fault("browsers drop %s, which is for https, on plain http: open the site on https, or write http into NEXTAUTH_URL for a try on this machine", name)
		case secure && !c.Secure:
			fault("%s is not Secure: browsers refuse a name with %s then; does a proxy change the flag?", name, prefixOf(c.Name))
		}
		if host && c.Domain != "" {
			fault("%s has the Domain %.100q, which browsers refuse with __Host-: does a proxy add it (proxy_cookie_domain)?", name, c.Domain)
		} else if c.Domain != "" {
			fault("%s has the Domain %.100q: every host below it gets the cookie", name, c.Domain)
		}
		if c.Path != "/" {
			fault("%s has the Path %.100q and should have /: does a proxy change it (proxy_cookie_path)?", name, c.Path)
		}
		if !c.HttpOnly {
			fault("%s is not HttpOnly: scripts can read it", name)
		}
		if c.SameSite == http.SameSiteNoneMode || c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode {
			fault("%s is neither SameSite=Lax nor Strict: other sites' forms send it along", name)
		}
	}
	return faults
}

func prefixOf(name string) string { return name[:strings.Index(name[2:], "-")+3] }

// flags are a cookie's flags in words.
func flags(c *http.Cookie) string {
	words := []string{"HttpOnly"}
	if c.Secure {
		words = append(words, "Secure")
	}
	switch c.SameSite {
	case http.SameSiteLaxMode:
		words = append(words, "SameSite=Lax")
	case http.SameSiteStrictMode:
		words = append(words, "SameSite=Strict")
	}
	return strings.Join(words, ", ")
}

// submit sends a form with its token, its cookie and the Origin that a browser sends.
func (s *site) submit(ctx context.Context, f *form) {
	body := url.Values{"csrfToken": {f.token}, "callbackUrl": {s.routes.String()}, "json": {"true"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.routes.JoinPath("signout").String(), strings.NewReader(body.Encode()))
	if err != nil {
		s.add("form", wrong, "%v", err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", f.csrf.Name+"="+f.csrf.Value)
	req.Header.Set("Origin", originOf(s.routes))
	a, err := s.send(req)
	if err != nil {
		s.add("form", wrong, "%v", err)
		return
	}
	var answered struct {
		URL string `json:"url"`
	}
	switch {
	case json.Unmarshal(a.body, &answered) != nil || answered.URL == "":
		s.add("form", wrong, "POST %s answers %d: does a proxy or firewall refuse it?", req.URL, a.StatusCode)
	case strings.Contains(answered.URL, "csrf=true") || strings.Contains(answered.URL, "MissingCSRF"):
		s.add("form", wrong, "the site refuses its own form: it takes the origin %s for another site's. Look at NEXTAUTH_URL and Options.TrustedOrigins, and at what a proxy does to the header Origin", originOf(s.routes))
	default:
		s.add("form", right, "the site takes its own form")
	}
}
