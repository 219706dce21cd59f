package tests

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
)

const pageOAuthSignin = "The sign-in service could not be reached."
const pageOAuthCallback = "The sign-in service did not confirm who you are."

// forge is the local provider as a plain OAuth 2.0 service.
func forge(s *setup) oauth.Config {
	return oauth.Config{
		Name: "local", ClientID: s.idp.ClientID(), ClientSecret: s.idp.ClientSecret(),
		AuthURL: s.idp.Issuer() + "/authorize", TokenURL: s.idp.Issuer() + "/token", UserInfoURL: s.idp.Issuer() + "/userinfo",
		Scopes: []string{"openid", "email"}, Fields: oauth.Fields{ID: "sub", Email: "email", Name: "name"},
	}
}

// withForge has the site sign people in there.
func withForge(s *setup, change func(c *oauth.Config)) {
	c := forge(s)
	if change != nil {
		change(&c)
	}
	s.opts.Providers = ginauth.Goth(oauth.New(c))
}

// claims changes what the provider writes into its id_tokens.
func claims(s *setup, name string, value any) {
	s.idp.TamperClaims(func(claims map[string]any) { claims[name] = value })
}

func honest(s *setup) { s.idp.Reset() }

func providerTroubles() []trouble {
	const noCookie = "ginauth: a provider's answer came without the cookie of its sign-in"
	return []trouble{
		{
			wrong: "The issuer has an extra slash",
			set:   func(s *setup) { s.oidc.Issuer += "/" },
			says:  []string{"openid: the issuer did not match: ", "/ is configured, and the discovery document at ", "write that one, character by character"},
			page:  pageOAuthSignin, names: "issuer",
			fix:  "Set Issuer to the one in its discovery document, without the slash.",
			mend: func(s *setup) { s.oidc.Issuer = s.idp.Issuer() },
		},
		{
			wrong: "The issuer names a realm that does not exist",
			set:   func(s *setup) { s.oidc.Issuer += "/realms/Shop" },
			says:  []string{"openid: the discovery document's address, ", "/realms/Shop/.well-known/openid-configuration, answered 404"},
			page:  pageOAuthSignin, names: "/realms/Shop",
			fix:  "Spell the realm as the provider does. Upper and lower case differ.",
			mend: func(s *setup) { s.oidc.Issuer = s.idp.Issuer() },
		},
		{
			wrong: "DiscoveryURL is wrong",
			set:   func(s *setup) { s.oidc.DiscoveryURL = s.idp.Issuer() + "/openid.json" },
			says:  []string{"openid: the discovery document's address, ", "/openid.json, answered 404"},
			page:  pageOAuthSignin, names: "discovery document",
			fix:  "Leave DiscoveryURL out, or write where the document is.",
			mend: func(s *setup) { s.oidc.DiscoveryURL = "" },
		},
		{
			wrong: "The provider does not answer",
			set: func(s *setup) {
				s.oidc.Issuer = "http://127.0.0.1:1"
			},
			says: []string{"oauth: request to http://127.0.0.1:1/.well-known/openid-configuration:", "connection refused"},
			page: pageOAuthSignin, names: "127.0.0.1:1",
			fix:  "Set Issuer to the provider's address, and make sure that this process can reach it.",
			mend: func(s *setup) { s.oidc.Issuer = s.idp.Issuer() },
		},
		{
			wrong: "The client secret is wrong",
			set:   func(s *setup) { s.oidc.ClientSecret = "not the secret" },
			says:  []string{"oauth: the token endpoint answered 401 invalid_client"},
			page:  pageOAuthCallback, names: "invalid_client",
			fix:  "Set ClientSecret to the provider's client secret.",
			mend: func(s *setup) { s.oidc.ClientSecret = s.idp.ClientSecret() },
		},
		{
			wrong: "The id_token is for another client",
			set:   func(s *setup) { claims(s, "aud", "another-client") },
			says:  []string{"openid: the id_token is for another client: its aud is [another-client], expected audience ginauth, the client id"},
			page:  pageOAuthCallback, names: "client id",
			fix:  "Register this application at the provider as a separate client, and use that client's id.",
			mend: honest,
		},
		{
			wrong: "The id_token comes from another issuer",
			set:   func(s *setup) { claims(s, "iss", "https://id.example/realms/shop") },
			says:  []string{"openid: the id_token comes from a different provider: its iss is https://id.example/realms/shop, expected http"},
			page:  pageOAuthCallback, names: "iss",
			fix:  "Set Issuer to the one in the provider's tokens, or correct the provider's own address.",
			mend: honest,
		},
		{
			wrong: "This computer's clock is ahead",
			set:   func(s *setup) { s.oidc.Now = func() time.Time { return time.Now().Add(3 * time.Hour) } },
			says:  []string{"openid: the id_token has expired: its exp is ", "one of the two clocks is wrong"},
			page:  pageOAuthCallback, names: "clock",
			fix:  "Set the clock, for example by NTP.",
			mend: func(s *setup) { s.oidc.Now = nil },
		},
		{
			wrong: "This computer's clock is behind",
			set:   func(s *setup) { s.oidc.Now = func() time.Time { return time.Now().Add(-3 * time.Hour) } },
			says:  []string{"openid: the id_token's iat lies in the future: it is ", "one of the two clocks is wrong"},
			page:  pageOAuthCallback, names: "clock",
			fix:  "Set the clock, for example by NTP.",
			mend: func(s *setup) { s.oidc.Now = nil },
		},
		{
			wrong: "The provider signs with an algorithm that its discovery document does not announce",
			set: func(s *setup) {
				s.idp.TamperDiscovery(func(document map[string]any) { document["id_token_signing_alg_values_supported"] = []string{"ES256"} })
			},
			says: []string{"openid: the id_token is signed with RS256, expected one of ES256"},
			page: pageOAuthCallback, names: "RS256",
			fix:  "Have the provider sign with an algorithm that its document announces.",
			mend: honest,
		},
		{
			wrong: "The provider's answer names another issuer",
			set: func(s *setup) {
				s.idp.TamperResponse(func(answer url.Values) { answer.Set("iss", "https://other.example") })
			},
			says: []string{"oauth: the response comes from another issuer: its iss is https://other.example, expected http"},
			page: pageOAuthCallback, names: "iss",
			fix:  "Set Issuer to that of the server that answers. Answers of another server are refused.",
			mend: honest,
		},
		{
			wrong: "TokenURL of a plain OAuth 2.0 service is wrong",
			set:   func(s *setup) { withForge(s, func(c *oauth.Config) { c.TokenURL += "s" }) },
			says:  []string{"oauth: the token endpoint http", "/tokens answered 404"},
			page:  pageOAuthCallback, names: "/tokens",
			fix:  "Set TokenURL to the service's token endpoint.",
			mend: func(s *setup) { withForge(s, nil) },
		},
		{
			wrong: "UserInfoURL of a plain OAuth 2.0 service is wrong",
			set:   func(s *setup) { withForge(s, func(c *oauth.Config) { c.UserInfoURL += "s" }) },
			says:  []string{"oauth: the service answered 404 at http", "/userinfos"},
			page:  pageOAuthCallback, names: "/userinfos",
			fix:  "Set UserInfoURL to the address of the service's user endpoint.",
			mend: func(s *setup) { withForge(s, nil) },
		},
		{
			wrong: "Fields.ID of a plain OAuth 2.0 service leads to nothing",
			set:   func(s *setup) { withForge(s, func(c *oauth.Config) { c.Fields.ID = "account.number" }) },
			says:  []string{"oauth: the provider named no subject"},
			page:  pageOAuthCallback, names: "subject",
			fix:  "Set Fields.ID to the member of the service's answer that holds the account number.",
			mend: func(s *setup) { withForge(s, nil) },
		},
		{
			wrong: "The provider answers at another address than the site's",
			set: func(s *setup) {
				s.env["NEXTAUTH_URL"] = "http://localhost:{port}"
				s.deliver = func(answer *url.URL) { answer.Host = strings.Replace(answer.Host, "localhost", "127.0.0.1", 1) }
			},
			says: []string{noCookie, "cookie=next-auth.transaction.*", "host=127.0.0.1:{port}", "expected=http://localhost:{port}/api/auth/callback/local", "look_at=NEXTAUTH_URL"},
			page: pageOAuthCallback, names: "NEXTAUTH_URL",
			fix:  "Register the callback URL that the line expects, and set NEXTAUTH_URL to the address that people open.",
			mend: func(s *setup) { s.deliver = nil },
		},
		{
			wrong: "The callback URL at the provider ends in another provider's id",
			set: func(s *setup) {
				s.deliver = func(answer *url.URL) { answer.Path = "/api/auth/callback/Local" }
			},
			says: []string{"ginauth: a sign-in was refused, since its URL names no provider of this site", "provider=Local", "expected=local", "OAuth.ID"},
			page: "This action with HTTP GET is not supported", names: "OAuth.ID",
			fix:  "Register the callback URL that ends in the id of the provider here, or set OAuth.ID to that id.",
			mend: func(s *setup) { s.deliver = nil },
		},
		{
			wrong: "The provider's answer has no state",
			set: func(s *setup) {
				s.deliver = func(answer *url.URL) {
					q := answer.Query()
					q.Del("state")
					answer.RawQuery = q.Encode()
				}
			},
			says: []string{"ginauth: a provider's answer has no state, so that no sign-in is found for it", "response mode"},
			page: pageOAuthCallback, names: "response mode",
			fix:  "Set the provider's response mode to query: it must send back state and code as parameters of the callback URL.",
			mend: func(s *setup) { s.deliver = nil },
		},
		{
			wrong: "The secret was changed while people are signed in",
			set:   func(*setup) {},
			calls: func(v *visitor) {
				// Sealed by the former secret.
				v.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "localhost"}, []*http.Cookie{{Name: sessionCookie, Path: "/", Value: formerSession}})
				v.signedIn()
			},
			says:  []string{"ginauth: a session cookie was not made with this site's secret", "cookie=next-auth.session-token", "look_at=\"Secret, PreviousSecrets, Cookies.Prefix\""},
			names: "PreviousSecrets",
			fix:   "List the old secret in PreviousSecrets.",
			mend:  func(s *setup) { s.opts.PreviousSecrets = []string{formerSecret} },
		},
		{
			wrong: "The variable of a client id is not set",
			set: func(s *setup) {
				s.opts.Providers = ginauth.Goth(oidc.New(oidc.Config{Name: "local", Issuer: s.idp.Issuer()}))
			},
			says:  []string{"ginauth: provider local: oidc: Config.ClientID is empty: write the client id that the provider gave this application"},
			names: "ClientID",
			fix:   "Set the variable, or write the client id that the provider gave out.",
			mend:  func(s *setup) { s.opts.Providers = nil },
		},
	}
}

const formerSecret = "the former secret of this application"

// formerSession is a session that formerSecret sealed, good until 2100.
var formerSession = sealFormer()
