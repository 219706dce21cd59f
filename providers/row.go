package providers

import (
	"net/url"
	"slices"
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/corrected"
	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
)

// A row is what is known of one service, and how its provider is made of a client.
type row struct {
	service.Service
	note      string // what surprises there, in one sentence
	variables string // what its variables begin with, in place of what the id says
	settings  []Setting

	oauth  oauth.Config // of a service that speaks plain OAuth 2.0
	openID oidc.Config  // of an OpenID provider, its issuer a template of settings
	// own makes the provider of a service that needs more than facts.
	own func(s Settings) goth.Provider
	// adapt puts the settings into the facts.
	adapt func(c *oauth.Config, values map[string]string)

	scopes     []string // asked for by default, of own
	fixed      bool     // no scopes can be asked for
	secretless bool     // the client has no secret but its settings
	public     bool     // the client may have no secret
	keyAlone   bool     // the client is its secret
}

// makes reports whether people can be signed in at the service.
func (r row) makes() bool {
	return r.own != nil || r.oauth.AuthURL != "" || r.openID.Issuer != ""
}

// defaults are the scopes asked for where Settings name none.
func (r row) defaults() []string {
	switch {
	case r.oauth.AuthURL != "":
		return r.oauth.Scopes
	case r.openID.Issuer != "":
		return r.openID.Scopes
	}
	return r.scopes
}

// verified says what vouches for an address.
func (r row) verified() string {
	switch {
	case r.oauth.Emails.Verified != "":
		return "the service's list of addresses says so"
	case r.oauth.Fields.EmailVerified == answer.Always:
		return "always: the service gives out verified addresses alone"
	case r.oauth.Fields.EmailVerified != "":
		return r.oauth.Fields.EmailVerified
	case r.openID.Issuer != "" && r.openID.Claims.Email == "":
		return "email_verified"
	}
	return string(r.Verified)
}

// make makes the provider of a client whose settings were found right.
func (r row) make(s Settings) goth.Provider {
	if len(s.Scopes) == 0 {
		s.Scopes = r.defaults()
	}
	s.Scopes = slices.Clone(s.Scopes)
	switch {
	case r.own != nil:
		return r.own(s)
	case r.openID.Issuer != "":
		return r.makeOpenID(s)
	}
	c := r.oauth
	c.Name, c.DisplayName, c.Color = r.ID, r.Name, r.Color
	c.ClientID, c.ClientSecret, c.Public = s.ClientID, s.ClientSecret, r.public && s.ClientSecret == ""
	for _, at := range []*string{&c.AuthURL, &c.TokenURL, &c.UserInfoURL, &c.Emails.URL} {
		*at = placed(*at, s.Values)
	}
	if r.adapt != nil {
		r.adapt(&c, s.Values)
	}
	c.Scopes = s.Scopes
	s.replace(&c)
	return corrected.New(c)
}

// replace puts what the settings say in place of what is known.
func (s Settings) replace(c *oauth.Config) {
	for _, e := range []struct {
		to    *string
		value string
	}{{&c.AuthURL, s.AuthURL}, {&c.TokenURL, s.TokenURL}, {&c.UserInfoURL, s.UserInfoURL}, {&c.Emails.URL, s.EmailsURL}, {&c.Fields.ID, s.Subject}} {
		if e.value != "" {
			*e.to = e.value
		}
	}
	if s.TokenURL != "" {
		c.RefreshURL = s.TokenURL
	}
}

func (r row) makeOpenID(s Settings) goth.Provider {
	c := r.openID
	c.Name, c.DisplayName = r.ID, r.Name
	c.DiscoveryURL = placed(c.DiscoveryURL, s.Values)
	if issuer := s.Values["issuer"]; c.Issuer == "{issuer}" {
		c.Issuer = issuer // a slash at its end counts
	} else {
		rest := strings.TrimPrefix(c.Issuer, "{issuer}")
		c.Issuer = placed(strings.Replace(c.Issuer, "{issuer}", strings.TrimSuffix(strings.TrimRight(issuer, "/"), rest), 1), s.Values)
	}
	if params := c.AuthParams; len(params) > 0 {
		c.AuthParams = url.Values{}
		for name, values := range params {
			if value := placed(values[0], s.Values); value != "" {
				c.AuthParams.Set(name, value)
			}
		}
	}
	c.ClientID, c.ClientSecret, c.Scopes = s.ClientID, s.ClientSecret, s.Scopes
	return withEndpoints(oidc.New(c), s)
}

// withEndpoints puts what Settings say of an OpenID provider's addresses in place
// of what is known.
func withEndpoints(p *oidc.Provider, s Settings) *oidc.Provider {
	if s.DiscoveryURL == "" && s.BackChannel == "" && s.AuthURL == "" && s.TokenURL == "" && s.UserInfoURL == "" && s.PrivateKey == "" {
		return p
	}
	return p.With(func(c *oidc.Config) {
		if s.DiscoveryURL != "" {
			c.DiscoveryURL = s.DiscoveryURL
		}
		if s.BackChannel != "" {
			c.BackChannel = s.BackChannel
		}
		c.PrivateKey, c.PrivateKeyID = strings.ReplaceAll(s.PrivateKey, `\n`, "\n"), s.PrivateKeyID
		c.AuthURL, c.TokenURL, c.UserInfoURL = s.AuthURL, s.TokenURL, s.UserInfoURL
	})
}

// placed puts settings into a template. A setting that is an address has no slash
// at its end there.
func placed(template string, values map[string]string) string {
	for name, value := range values {
		if strings.Contains(value, "://") {
			value = strings.TrimRight(value, "/")
		}
		template = strings.ReplaceAll(template, "{"+name+"}", value)
	}
	return template
}

// rows are all services, in the order of their ids.
var rows = func() []row {
	all := slices.Concat(gothRows(), oauthRows, openIDRows)
	slices.SortFunc(all, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	return all
}()

func rowOf(id string) (row, bool) {
	i := slices.IndexFunc(rows, func(r row) bool { return r.ID == id })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}
