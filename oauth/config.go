package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
)

// Config describes one registration at one service. A service that follows RFC
// 6749 needs the first two groups and Fields; the rest is for services that
// differ.
type Config struct {
	// Name identifies the provider in routes and in accounts, such as "forge".
	// Required.
	Name string
	// DisplayName is shown on the sign-in button. Default Name.
	DisplayName string
	// Color is the color of the mark on the button, such as "#24292f".
	Color string

	// ClientID is what the service calls this application. Required.
	ClientID string
	// ClientSecret authenticates this application. Required, except with Public.
	ClientSecret string `json:"-"`
	// Public says that the client has no secret (RFC 6749 §2.1). PKCE alone then
	// protects the authorization code.
	Public bool

	// AuthURL is the authorization endpoint (RFC 6749 §3.1), such as
	// https://forge.example/oauth/authorize. Required.
	AuthURL string
	// TokenURL is the token endpoint (RFC 6749 §3.2). Required.
	TokenURL string
	// UserInfoURL answers, to an access token, who signed in. {name} in it stands
	// for a member of the token answer. Empty: the token answer itself says it.
	UserInfoURL string
	// Scopes are asked for at sign-in, each a string of its own. Default none.
	Scopes []string

	// Fields say where the profile has what. Required, except with Profile.
	Fields Fields
	// Emails reads the addresses of a person from a list. A list that does not come
	// fails no sign-in.
	Emails Emails

	// AuthStyle is how the client authenticates at the token endpoint. Default
	// oauth2.AuthStyleInHeader, which every server must support (RFC 6749 §2.3.1);
	// many services read oauth2.AuthStyleInParams alone. It is never guessed: a
	// refused attempt would send the code and the secret twice.
	AuthStyle oauth2.AuthStyle
	// DisablePKCE leaves out the code verifier (RFC 7636), for a service that
	// refuses it. State and the client secret still protect a sign-in.
	DisablePKCE bool
	// ScopeSeparator stands between scopes. Default one space (RFC 6749 §3.3).
	ScopeSeparator string
	// AuthParams are added to the authorization URL, such as owner=user.
	AuthParams url.Values
	// AuthFragment stands behind the authorization URL, for a service that wants it.
	AuthFragment string
	// TokenParams are added to the token request.
	TokenParams url.Values
	// ParamNames are other names of the service for parameters of the authorization
	// and of the token request, such as client_key for client_id.
	ParamNames map[string]string
	// TokenMethod is the method of the token request. Default POST, as RFC 6749
	// §3.2 has it. With GET the parameters, the secret too, stand in the URL.
	TokenMethod string
	// TokenJSON sends the token request as a JSON object in place of a form.
	TokenJSON bool
	// RefreshURL renews access tokens. Default TokenURL.
	RefreshURL string
	// CallbackParams are parameters of the authorization answer that the service
	// wants to have back in the token request, such as device_id.
	CallbackParams []string

	// UserInfoBody makes the profile request a POST of this JSON, such as a GraphQL
	// query.
	UserInfoBody string
	// UserInfoForm makes it a POST of this form. {access_token}, {client_id} and
	// {client_secret} in a value stand for the three, and so for the other members of
	// the token answer.
	UserInfoForm url.Values
	// UserInfoHeader is added to the profile request. {client_id} in a value stands
	// for the client id.
	UserInfoHeader map[string]string
	// TokenScheme stands in front of the access token in the Authorization header.
	// Default Bearer (RFC 6750 §2.1). With Basic it is the user name (RFC 7617).
	TokenScheme string
	// TokenHeader is the header that carries the bare access token, in place of
	// Authorization.
	TokenHeader string
	// TokenInQuery names the parameter of UserInfoURL that carries the access token,
	// for a service that reads no header. URLs end up in more logs than headers do.
	TokenInQuery string

	// UserInfo asks the service who signed in, in place of a request to UserInfoURL.
	// client is bounded in time and size. Whatever its error says may be logged.
	UserInfo func(ctx context.Context, client *http.Client, token *oauth2.Token) (map[string]any, error) `json:"-"`
	// Profile reads the answer, in place of Fields, and says whether the service
	// vouches for the e-mail address in it. Numbers in the answer are json.Number.
	// It need not check that there is a subject.
	Profile func(answer map[string]any) (user goth.User, emailVerified bool) `json:"-"`

	// UserAgent names the application to the service. Default: "ginauth" and the
	// client id, which tells one application from another, as services ask.
	UserAgent string
}

// Fields say where the answer of UserInfoURL has what. A value is the path of a
// member: names, and places in lists, with dots between, such as
// data.0.user_id.
//
// Of several paths with | between the first that leads to text counts:
// "name|login". A plus sign joins two with a space: "first_name+last_name". Braces
// make a template: "https://cdn.example/{id}/{avatar}.png".
type Fields struct {
	// ID leads to the subject, text or a whole number above zero. It must be what
	// the service never gives to another person: an account number, not a name that
	// can be changed. Required.
	ID string
	// Name is what the person is called.
	Name string
	// NickName is a user name.
	NickName string
	// Email is an address.
	Email string
	// EmailVerified says what proves that the address is the person's: a path to
	// true, or path=value; several with & between must all hold. "always": the
	// service gives out no address that it has not verified. Empty: nothing does.
	EmailVerified string
	// Image leads to the URL of a picture.
	Image string
	// Active is a flag like EmailVerified. Where it is given, a person without it is
	// not signed in: the service has suspended the account.
	Active string
}

// Emails is a list of e-mail addresses. Its fields but URL are paths and flags as
// in Fields.
type Emails struct {
	// URL answers the list, to the access token. Empty: the list stands in the
	// profile.
	URL string
	// List leads to the list. Empty: the answer is the list.
	List string
	// Email, Primary and Verified are members of each entry. Empty Primary: the
	// first is. Empty Email: there is no list.
	Email, Primary, Verified string
}

// String leaves out the client secret.
func (c Config) String() string {
	return fmt.Sprintf("oauth.Config{Name: %q, ClientID: %q, TokenURL: %q}", c.Name, c.ClientID, c.TokenURL)
}

// GoString is String: the %#v verb must not print the secret either.
func (c Config) GoString() string { return c.String() }

// validate reports every fault at once.
func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("oauth: "+c.Name+": "+format, args...))
	}
	if c.Name == "" {
		faults = append(faults, errors.New(`oauth: Name is empty: write a short name for the provider, such as "forge"`))
	}
	for _, value := range []struct{ name, text string }{{"client id", c.ClientID}, {"client secret", c.ClientSecret}} {
		switch {
		case value.text == "" && !(c.Public && value.name == "client secret"):
			fault("the %s is empty: write the one that %s gave this application", value.name, c.displayName())
		case strings.TrimSpace(value.text) != value.text:
			fault("the %s has white space around it: write it without", value.name)
		}
	}
	if c.Public && c.ClientSecret != "" {
		fault("Public is set beside a client secret: leave one of them out")
	}
	if c.Public && c.DisablePKCE {
		fault("Public and DisablePKCE are set, so nothing binds a code to this client: leave one of them out")
	}
	for _, e := range []struct {
		name, value string
		required    bool
		example     string
	}{
		{"AuthURL", c.AuthURL, true, "https://forge.example/oauth/authorize"},
		{"TokenURL", c.TokenURL, true, "https://forge.example/oauth/token"},
		{"UserInfoURL", c.UserInfoURL, false, "https://forge.example/api/user"},
		{"Emails.URL", c.Emails.URL, false, "https://forge.example/api/user/emails"},
		{"RefreshURL", c.RefreshURL, false, "https://forge.example/oauth/token"},
	} {
		if e.value == "" && !e.required {
			continue
		}
		if hint := endpointFault(e.value); hint != "" {
			fault("%s %s: write the service's endpoint, such as %s", e.name, hint, e.example)
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			// RFC 6749 §3.3. Several in one string would work by luck alone.
			fault("the scope %q is none: write each scope as a string of its own", scope)
		}
	}
	if c.Fields.ID == "" && c.Profile == nil {
		fault(`Fields.ID is empty: write where the profile has the person's account number, such as "id"`)
	}
	switch c.AuthStyle {
	case oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams:
	default:
		fault("AuthStyle is %d: write oauth2.AuthStyleInHeader or oauth2.AuthStyleInParams, or leave it out", c.AuthStyle)
	}
	if c.TokenMethod != "" && c.TokenMethod != http.MethodPost && c.TokenMethod != http.MethodGet {
		fault("TokenMethod is %q: write POST or GET, or leave it out", c.TokenMethod)
	}
	headers := []string{c.UserAgent, c.TokenScheme, c.TokenHeader}
	for name, value := range c.UserInfoHeader {
		headers = append(headers, name, value)
	}
	if slices.ContainsFunc(headers, func(s string) bool { return !validHeader(s) }) {
		fault("the user agent or a header of the profile request has characters that no header can carry: write plain text")
	}
	return errors.Join(faults...)
}

// placeholder is what the token answer fills in.
var placeholder = regexp.MustCompile(`\{[a-zA-Z0-9_.]+\}`)

// endpointFault says what is wrong with an endpoint. An http one is for
// development: what it sends can be read and forged on the way.
func endpointFault(endpoint string) string {
	if endpoint == "" {
		return "is empty"
	}
	if host, _, ok := strings.Cut(strings.TrimPrefix(endpoint, "https://"), "/"); ok && placeholder.MatchString(host) {
		return "leaves its host to the token answer"
	}
	u, err := url.Parse(placeholder.ReplaceAllString(endpoint, "x"))
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "is not an http(s) URL"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "begins with http, over which anybody on the way reads the secret"
	case u.User != nil:
		return "carries credentials"
	case u.Fragment != "":
		return "has a fragment" // RFC 6749 §3.1, §3.2
	}
	return ""
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// validHeader takes visible ASCII and spaces: a line break would start a header
// of its own.
func validHeader(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// withDefaults returns the Config that a Provider keeps, in slices and maps of its
// own.
func (c Config) withDefaults() Config {
	c.Scopes = slices.Clone(c.Scopes)
	c.CallbackParams = slices.Clone(c.CallbackParams)
	c.AuthParams, c.TokenParams, c.UserInfoForm = clone(c.AuthParams), clone(c.TokenParams), clone(c.UserInfoForm)
	c.ParamNames, c.UserInfoHeader = cloneNames(c.ParamNames), cloneNames(c.UserInfoHeader)
	if c.UserAgent == "" {
		c.UserAgent = "ginauth (" + c.ClientID + ")"
	}
	if c.AuthStyle == oauth2.AuthStyleAutoDetect {
		c.AuthStyle = oauth2.AuthStyleInHeader
	}
	if c.Public {
		c.AuthStyle = oauth2.AuthStyleInParams // RFC 6749 §4.1.3: a public client names itself in the body
	}
	if c.RefreshURL == "" {
		c.RefreshURL = c.TokenURL
	}
	return c
}

func clone(values url.Values) url.Values {
	out := url.Values{}
	for name, list := range values {
		out[name] = slices.Clone(list)
	}
	return out
}

func cloneNames(names map[string]string) map[string]string {
	out := map[string]string{}
	for from, to := range names {
		out[from] = to
	}
	return out
}

func (c Config) displayName() string {
	if c.DisplayName != "" {
		return c.DisplayName
	}
	return c.Name
}

func (e Emails) addresses() answer.Addresses {
	return answer.Addresses{List: e.List, Email: e.Email, Primary: e.Primary, Verified: e.Verified}
}
