package providers_test

import (
	"maps"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// A fixture is what a service looks like to its clients, from its documentation:
// written down here once more, so that goth cannot be its own witness.
type fixture struct {
	authorize, token string // endpoints
	style            oauth2.AuthStyle
	scope            string // of the authorization request
	client           string // what client_id is called, and the secret has its name in secretName
	secretName       string
	get, json, text  bool              // the token request is a GET, or JSON; its answer calls itself text
	perms            string            // what stands in its place under this name
	asks             string            // a parameter that the profile request must have
	echoes           string            // a parameter of the answer that the token request must repeat
	values           map[string]string // New's Settings.Values
	access           string            // where the service reads an access token; default the header
	answer           func(p person, answer map[string]any)
	profiles         map[string]func(p person) any // by URL
	lacks            string                        // fields of the user that the service does not tell
	image            func(p person) string         // where the service tells no address of it
	always           bool                          // an unverified address is never given out

	signs  func(p person) map[string]any // the access token is a JWT of these claims
	keySet string                        // where the keys to it are found: the metadata and the key set

	issuer          string // of an OpenID provider
	document        string // where its discovery document is, if not below the issuer
	claims          func(p person) map[string]any
	subject         func(p person) string
	noPKCE, noNonce bool
	post            bool                     // its answer is a form that its page posts
	secret          func(secret string) bool // what the client proves itself with, in place of clientSecret

	tokenTells bool // the token answer says who somebody is, whatever the profile says
	noProfile  bool // the id_token says everything
	panics     bool // goth panics where the token answer leaves members out
}

const (
	inForm   = oauth2.AuthStyleInParams
	inHeader = oauth2.AuthStyleInHeader
)

type obj = map[string]any

// flat is a profile of one object: pairs of a member's name and a field of the
// person.
func flat(pairs ...string) func(p person) any {
	return func(p person) any {
		profile := obj{}
		for i := 0; i+1 < len(pairs); i += 2 {
			profile[pairs[i]] = p.field(pairs[i+1])
		}
		return profile
	}
}

func (p person) field(name string) any {
	switch name {
	case "id":
		return p.ID
	case "number":
		return p.number()
	case "name":
		return p.Name
	case "first":
		return p.first()
	case "last":
		return p.last()
	case "email":
		return p.Email
	case "image":
		return p.Image
	case "verified":
		return p.Verified
	case "one":
		if p.Verified {
			return 1
		}
		return 0
	case "height":
		return 1.75
	}
	panic(name)
}

// at is a table of one profile.
func at(url string, profile func(p person) any) map[string]func(p person) any {
	return map[string]func(p person) any{url: profile}
}

// openID is an OpenID provider whose endpoints lie below a place.
func openID(issuer, place string, values map[string]string) fixture {
	claims := flat("sub", "id", "name", "name", "email", "email", "picture", "image", "email_verified", "verified")
	return fixture{
		issuer: issuer, authorize: place + "/authorize", token: place + "/token", style: inHeader,
		scope: "openid profile email", values: values,
		profiles: at(place+"/userinfo", claims),
		claims:   func(p person) map[string]any { return maps.Clone(claims(p).(obj)) },
	}
}

// with changes a copy of a fixture.
func (f fixture) with(change func(f *fixture)) fixture {
	change(&f)
	return f
}

// fixtures are those of all services, by id.
var fixtures = func() map[string]fixture {
	all := maps.Clone(fixturesAToL)
	maps.Copy(all, fixturesMToZ)
	maps.Copy(all, fixturesNew)
	return all
}()

// keys is where an OpenID provider has its keys.
func (f fixture) keys() string {
	token, _ := url.Parse(f.token)
	return token.Scheme + "://" + token.Host + "/keys"
}

// discovered tells the requests for what an OpenID provider publishes.
func (f fixture) discovered(u *url.URL) (what string, ok bool) {
	place := u.Scheme + "://" + u.Host + u.Path
	switch {
	case f.issuer == "":
		return "", false
	case f.document != "" && place == f.document, f.document == "" && place == strings.TrimSuffix(f.issuer, "/")+"/.well-known/openid-configuration":
		return "document", true
	}
	return "keys", place == f.keys()
}
