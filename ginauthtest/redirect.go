package ginauthtest

import (
	"errors"
	"net/url"
	"slices"
)

// parseRedirectURI takes an absolute http or https URI without fragment
// (RFC 6749 §3.1.2) and without user information.
func parseRedirectURI(uri string) (*url.URL, error) {
	parsed, err := url.Parse(uri)
	switch {
	case err != nil:
		return nil, errors.New("not a URI")
	case parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Hostname() == "":
		return nil, errors.New("not an absolute http or https URI")
	case parsed.Fragment != "" || parsed.User != nil:
		return nil, errors.New("has a fragment or user information")
	}
	return parsed, nil
}

// checkRedirectURI admits a configured value and no other; with none
// configured, any on a loopback host.
func (p *Provider) checkRedirectURI(uri string) error {
	parsed, err := parseRedirectURI(uri)
	if err != nil {
		return err
	}
	if len(p.cfg.RedirectURIs) > 0 {
		if !slices.Contains(p.cfg.RedirectURIs, uri) {
			return errors.New("not registered")
		}
		return nil
	}
	if !isLoopback(parsed.Hostname()) {
		return errors.New("not on a loopback host")
	}
	return nil
}

// checkLogoutURI admits a post_logout_redirect_uri on the origin of a
// configured redirect URI; with none configured, any on a loopback host.
func (p *Provider) checkLogoutURI(uri string) error {
	parsed, err := parseRedirectURI(uri)
	if err != nil {
		return err
	}
	if len(p.cfg.RedirectURIs) == 0 && isLoopback(parsed.Hostname()) {
		return nil
	}
	for _, registered := range p.cfg.RedirectURIs {
		if known, err := url.Parse(registered); err == nil && known.Scheme == parsed.Scheme && known.Host == parsed.Host {
			return nil
		}
	}
	return errors.New("not on an origin of the client")
}

// withQuery adds parameters to a URI and leaves the query it has as it is
// (RFC 6749 §3.1.2).
func withQuery(uri string, q url.Values) (string, error) {
	parsed, err := url.Parse(uri)
	if err != nil {
		return "", err
	}
	added := q.Encode()
	if parsed.RawQuery != "" && added != "" {
		added = "&" + added
	}
	parsed.RawQuery += added
	return parsed.String(), nil
}
