// Package corrected signs people in at the services whose goth provider cannot
// sign anybody in, or does it wrongly: its endpoints are gone, it reads members
// that the service no longer sends, it fails for want of an address. A provider of
// the package oauth with the right facts takes its place, with the client, the
// scopes and the further parameters that the application gave goth's.
package corrected

import (
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oauth"
)

// A Provider stands in for goth's.
type Provider struct {
	*oauth.Provider
	// HTTPClient is the one that goth's provider was given.
	HTTPClient *http.Client
}

// Config returns the facts of a service, without a client, and whether it is one
// that this package corrects.
func Config(id string) (oauth.Config, bool) {
	c, ok := services[id]
	known, _ := service.ByID(id)
	c.Name, c.DisplayName, c.Color = id, known.Name, known.Color
	return c, ok
}

// IDs are the services that this package corrects.
func IDs() (ids []string) {
	for id := range services {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// New returns the provider of a service, for a Config that the function of that
// name returned and a client was put into.
func New(c oauth.Config) *oauth.Provider { return oauth.New(withUserInfo(c.Name, c)) }

// Of returns the provider that takes p's place, or p itself where it needs none.
func Of(p goth.Provider) goth.Provider {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return p
	}
	folder, ok := strings.CutPrefix(v.Elem().Type().PkgPath(), "github.com/markbates/goth/providers/")
	if !ok || path.Base(folder) != folder {
		return p
	}
	c, ok := Config(folder)
	if !ok {
		return p
	}
	id, secret := v.Elem().FieldByName("ClientKey"), v.Elem().FieldByName("Secret")
	begun, err := asked(p)
	if err == nil && custom(folder, begun) {
		return p // a server of the application's own, of which the facts say nothing
	}
	given := begun.Query()
	if id.Kind() != reflect.String || secret.Kind() != reflect.String || err != nil {
		return p
	}
	c.ClientID, c.ClientSecret = id.String(), secret.String()
	if name := p.Name(); name != "" {
		c.Name = name
	}
	if scopes := scopes(given.Get("scope")); len(scopes) > 0 {
		c.Scopes = scopes
	}
	if folder == "deezer" && !slices.Contains(c.Scopes, "basic_access") { // goth knows no such permission
		c.Scopes = append([]string{"basic_access"}, c.Scopes...)
	}
	c.AuthParams = url.Values{}
	for name, values := range given {
		if !slices.Contains([]string{"client_id", "redirect_uri", "response_type", "scope", "state"}, name) {
			c.AuthParams[name] = values
		}
	}
	made := &Provider{Provider: oauth.New(withUserInfo(folder, c))}
	if client := v.Elem().FieldByName("HTTPClient"); client.IsValid() && client.CanInterface() {
		made.HTTPClient, _ = client.Interface().(*http.Client)
	}
	return made
}

// asked is goth's authorization URL: what the application gave it stands there
// alone. No request is made for it.
func asked(p goth.Provider) (begun *url.URL, err error) {
	defer func() {
		if recover() != nil {
			begun, err = &url.URL{}, http.ErrNotSupported
		}
	}()
	session, err := p.BeginAuth("")
	if err != nil {
		return &url.URL{}, err
	}
	raw, err := session.GetAuthURL()
	if err != nil {
		return &url.URL{}, err
	}
	if begun, err = url.Parse(raw); err != nil {
		return &url.URL{}, err
	}
	return begun, nil
}

// custom reports whether goth's provider was made for another server than the
// service's: by patreon.NewCustomisedURL or paypal's for test accounts, or by the variables
// AuthURL and TokenURL of hubspot and salesforce.
func custom(folder string, begun *url.URL) bool {
	host, customizable := map[string]string{
		"hubspot": "app.hubspot.com", "patreon": "www.patreon.com", "paypal": "www.paypal.com", "salesforce": "login.salesforce.com",
	}[folder]
	return customizable && begun.Host != host
}

// scopes reads a scope parameter with spaces or commas between.
func scopes(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}
