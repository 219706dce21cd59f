// Package site settles where this site is, and decides what belongs to it: which path the
// auth routes have, which hosts are answered for, which origins are believed and where a
// redirect may lead. It knows what options say of that, and what is wrong with them. It
// does not know sessions, cookies or providers.
package site

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/refusal"
)

// Config is what the options and the environment say.
type Config struct {
	BaseURL          string // of the option, or of the variable
	Option           string // what BaseURL was written in; empty where there is none
	Group            string // path of the router
	BasePath         string
	TrustedHosts     []string
	TrustedProxies   []netip.Prefix
	TrustedOrigins   []string
	AllowedRedirects []string
	TrustPrefix      bool   // Pages.TrustForwardedPrefix
	TrustAnyHost     string // the variable AUTH_TRUST_HOST
	Release          bool   // gin's release mode, in which the site's address must be known
}

// A Site is one that was configured. It is immutable.
type Site struct {
	BaseURL   string // in its usual form
	Option    string // what says the site's address: BaseURL or a variable's name; empty: each request does
	PublicURL string // path of the auth routes as browsers see it
	MountPath string // path of the auth routes below the router
	Mapped    bool   // a proxy must put one in the place of the other
	Local     bool   // nobody says the site's address: requests to localhost are answered
	Hosts     *origin.Resolver
	Trusted   origin.Set // TrustedOrigins
	Allowed   origin.Set // AllowedRedirects

	config      Config
	crossOrigin *http.CrossOriginProtection
}

// New checks a Config. Each of the faults names the option and what to write instead.
func New(config Config) (s *Site, faults []error) {
	s = &Site{config: config, BaseURL: config.BaseURL}
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	s.locate(add)
	s.origins(add)
	return s, faults
}

// locate settles the site's base URL and the path of the routes.
func (s *Site) locate(add func(format string, args ...any)) {
	config := s.config
	at := origin.Layout{Option: config.Option, Group: strings.TrimSuffix(config.Group, "/"), BasePath: config.BasePath}
	if s.BaseURL != "" {
		var err error
		if at.Base, err = origin.Parse(s.BaseURL); err != nil {
			add("%s: %w; write for instance https://app.example.com", at.Option, err)
			return
		}
		at.Base.Rest = strings.TrimSuffix(at.Base.Rest, "/")
		s.BaseURL = at.Base.String()
	}
	place, err := at.Place()
	if err != nil {
		add("%w", err)
		return
	}
	s.PublicURL, s.MountPath, s.Mapped = place.Public, place.Mount, place.Mapped
	if s.BaseURL != "" {
		s.Option = at.Option
	}
	if config.TrustPrefix && len(config.TrustedProxies) == 0 {
		add("Pages.TrustForwardedPrefix needs TrustedProxies, whose X-Forwarded-Prefix is believed; write them, or leave it out")
	}
	if config.TrustPrefix && at.Base.Rest != "" {
		add("Pages.TrustForwardedPrefix is set, and %s has the path %s, by which the prefix is known; leave one of them out", at.Option, at.Base.Rest)
	}
	for _, err := range origin.CheckProxies(config.TrustedProxies) {
		add("TrustedProxies has %w", err)
	}
	unset, trustAny := s.BaseURL == "" && len(config.TrustedHosts) == 0, false
	if unset && config.TrustAnyHost != "" {
		if trustAny, err = strconv.ParseBool(config.TrustAnyHost); err != nil {
			add("AUTH_TRUST_HOST is %q; write true or false", config.TrustAnyHost)
		}
	}
	s.Local = unset && !trustAny
	if s.Local && config.Release {
		add("BaseURL is empty; write the site's address into NEXTAUTH_URL, for instance https://app.example.com, or set TrustedHosts")
	}
	s.Hosts, err = origin.New(origin.Config{
		BaseURL: s.BaseURL, Path: place.Public, Prefix: place.Prefix, TrustedHosts: config.TrustedHosts,
		TrustAnyHost: trustAny, TrustLoopback: s.Local, TrustedProxies: config.TrustedProxies, TrustPrefix: config.TrustPrefix,
	})
	if err != nil {
		add("TrustedHosts: %w", err)
	}
}

// origins reads the origins that are believed, and those that a redirect may lead to.
func (s *Site) origins(add func(format string, args ...any)) {
	var errs []error
	if s.Trusted, errs = origin.NewSet(s.config.TrustedOrigins); errs != nil {
		for _, err := range errs {
			add("TrustedOrigins: %w; write for instance https://admin.example.com", err)
		}
	}
	if s.Allowed, errs = origin.NewSet(s.config.AllowedRedirects); errs != nil {
		for _, err := range errs {
			add("AllowedRedirects: %w; write for instance https://www.example.com", err)
		}
	}
	s.crossOrigin = http.NewCrossOriginProtection()
	for o := range s.Trusted {
		if err := s.crossOrigin.AddTrustedOrigin(o); err != nil {
			add("TrustedOrigins: %w", err)
		}
	}
}

// Fixed is the site's address where BaseURL says it; nil: each request will tell.
func (s *Site) Fixed() *origin.Base {
	if s.BaseURL == "" || s.Hosts == nil {
		return nil
	}
	base, err := s.Hosts.Base(&http.Request{})
	if err != nil {
		return nil
	}
	return &base
}

// TakesFormPost reports whether browsers store the cookie that a provider's answer by
// POST needs, SameSite=None; Secure. It is true if BaseURL does not tell.
func (s *Site) TakesFormPost() bool {
	base := s.Fixed()
	return base == nil || base.Secure || base.Loopback()
}

// Seen is where the site's address comes from, as far as that explains a refusal.
func (s *Site) Seen(req *http.Request) refusal.Site {
	return refusal.Site{Option: s.Option, Hosts: s.config.TrustedHosts, ByUnlistedProxy: s.Hosts.Unlisted(req), ByListedProxy: s.Hosts.Listed(req)}
}
