package site

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/ginauth/ginauth/internal/origin"
)

// Foreign reports whether a browser sends this on behalf of another site's page.
// Only requests that change something count, and WebSockets, which browsers let
// any page open and which nothing else protects.
func (s *Site) Foreign(req *http.Request, base origin.Base) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return len(req.Header["Upgrade"]) > 0 && !s.OwnOrigin(req, base)
	}
	if o := req.Header["Origin"]; len(o) == 1 && o[0] == base.Origin {
		return false
	}
	return s.crossOrigin.Check(req) != nil
}

// OwnOrigin reports whether the Origin of a request, where the browser sends one, is this
// site's or one of TrustedOrigins.
func (s *Site) OwnOrigin(req *http.Request, base origin.Base) bool {
	sent := req.Header["Origin"]
	return len(sent) == 0 || len(sent) == 1 && (sent[0] == base.Origin || s.Trusted.Has(sent[0]))
}

var domainName = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)

// CookieDomain is Cookies.Domain as browsers compare it: in ASCII, and without a dot in
// front (RFC 6265 §5.2.3). The error says what to write instead.
func (s *Site) CookieDomain(domain string) (host string, err error) {
	host, err = origin.Host(strings.TrimPrefix(domain, "."))
	if err != nil || !domainName.MatchString(host) {
		return host, fmt.Errorf("Cookies.Domain is %q; write for instance example.com", domain)
	}
	if base := s.Fixed(); base != nil && !base.TakesCookieFor(host) {
		instead := "nothing: leave it out"
		if domains := base.Domains(); len(domains) > 0 {
			instead = domains[len(domains)-1] + ", or leave it out"
		}
		return host, fmt.Errorf("Cookies.Domain is %s, and browsers take no cookie for it from %s; write %s", host, base.Origin, instead)
	}
	return host, nil
}

// Announce says what a proxy must do with the paths, where the base URL's path leaves
// that open: a request that comes with another path finds no route, and no line tells why.
func (s *Site) Announce(log *slog.Logger) {
	base, at := s.Fixed(), s.MountPath
	switch {
	case base == nil || s.Mapped: // the latter is one of the doubts
	case base.Prefix != "":
		log.Info("ginauth: a proxy must take this prefix off each path; if none does, call Register with a router group of this path",
			"prefix", base.Prefix, "base_path", at)
	case s.config.BasePath == "" && at != "" && at != origin.DefaultMount:
		rest := at[strings.LastIndexByte(at, '/'):]
		if strings.HasSuffix(at, origin.DefaultMount) {
			rest = origin.DefaultMount
		}
		log.Info("ginauth: the auth routes are at the whole path of the base URL; if a proxy takes the beginning off, write the rest in BasePath",
			"path", at, "base_path", rest)
	}
}

// Doubts tells the log what is likely to be a mistake, though it may work.
func (s *Site) Doubts(log *slog.Logger) {
	if base := s.Fixed(); s.config.Release && base != nil && !base.Secure && !base.Loopback() {
		log.Warn("ginauth: the base URL is on http, so that everybody on the way can read the sessions; write an https URL in BaseURL or NEXTAUTH_URL, and end TLS in a proxy",
			"base_url", s.BaseURL)
	}
	if s.Mapped {
		log.Warn("ginauth: the base URL's path does not end in BasePath, so that a proxy must lead one to the other",
			"base_url", s.BaseURL, "base_path", s.MountPath)
	}
	for _, p := range origin.EveryonesProxies(s.config.TrustedProxies) {
		log.Warn("ginauth: TrustedProxies holds clients too, so that each can write the address, host and scheme that are believed; write the proxy's own address, for instance 10.0.0.5/32",
			"network", p.String())
	}
}
