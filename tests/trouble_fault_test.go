package tests

import (
	"html/template"
	"net/netip"
	"time"

	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
)

func sealFormer() string {
	ring, err := token.V4.Keyring("", formerSecret)
	if err != nil {
		return ""
	}
	return ring.Seal([]byte(`{"sub":"ada","email":"ada@example.com","iat":1700000000,"exp":4102444800,"jti":"former"}`))
}

// faultTroubles are what Register refuses: the providers, the secret and the address.
func faultTroubles() []trouble {
	noOptions := func(s *setup) { s.opts = ginauth.Options{} }
	return []trouble{
		{
			wrong: "No secret in release mode",
			set: func(s *setup) {
				s.release, s.env["NEXTAUTH_URL"], s.env["NEXTAUTH_SECRET"] = true, "http://localhost:{port}", ""
			},
			says:  []string{"ginauth: Secret is empty; write 32 random bytes or more into NEXTAUTH_SECRET"},
			names: "NEXTAUTH_SECRET",
			fix:   "Set NEXTAUTH_SECRET to what `openssl rand -base64 32` prints.",
			mend:  func(s *setup) { s.env["NEXTAUTH_SECRET"] = testSecret },
		},
		{
			wrong: "A secret that is too short",
			set:   func(s *setup) { s.env["NEXTAUTH_SECRET"] = "changeme" },
			says:  []string{"ginauth: Secret has 8 bytes; write 32 random bytes or more"},
			names: "Secret",
			fix:   "Set NEXTAUTH_SECRET to what `openssl rand -base64 32` prints.",
			mend:  func(s *setup) { s.env["NEXTAUTH_SECRET"] = testSecret },
		},
		{
			wrong: "An empty entry of PreviousSecrets",
			set:   func(s *setup) { s.opts.PreviousSecrets = []string{""} },
			says:  []string{"ginauth: PreviousSecrets holds an empty secret; leave it out"},
			names: "PreviousSecrets", fix: "Leave it out.", mend: noOptions,
		},
		{
			wrong: "No address in release mode",
			set:   func(s *setup) { s.release = true },
			says:  []string{"ginauth: BaseURL is empty; write the site's address into NEXTAUTH_URL, for instance https://app.example.com, or set TrustedHosts"},
			names: "NEXTAUTH_URL",
			fix:   "Set NEXTAUTH_URL to the site's address.",
			mend:  func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:{port}" },
		},
		{
			wrong: "BaseURL without a scheme",
			set:   func(s *setup) { s.opts.BaseURL = "localhost:{port}" },
			says:  []string{"ginauth: BaseURL: \"localhost:{port}\" is not an http or https URL; write for instance https://app.example.com"},
			names: "BaseURL", fix: "Write http:// or https:// in front.",
			mend: func(s *setup) { s.opts.BaseURL = "http://localhost:{port}" },
		},
		{
			wrong: "BaseURL with a query",
			set:   func(s *setup) { s.opts.BaseURL = "http://localhost:{port}/?utm=x" },
			says:  []string{"ginauth: BaseURL: it must not have a user, a query or a fragment, only \"http://localhost:{port}/\""},
			names: "BaseURL", fix: "Write the address that the message shows.",
			mend: func(s *setup) { s.opts.BaseURL = "http://localhost:{port}/" },
		},
		{
			wrong: "AUTH_TRUST_HOST is neither true nor false",
			set:   func(s *setup) { s.env["AUTH_TRUST_HOST"] = "on" },
			says:  []string{"ginauth: AUTH_TRUST_HOST is \"on\"; write true or false"},
			names: "AUTH_TRUST_HOST", fix: "Write true or false.",
			mend: func(s *setup) { s.env["AUTH_TRUST_HOST"] = "true" },
		},
		{
			wrong: "TrustedHosts has a URL",
			set:   func(s *setup) { s.opts.TrustedHosts = []string{"http://localhost"} },
			says:  []string{"ginauth: TrustedHosts: \"http://localhost\" is not a host; write app.example.com or *.example.com"},
			names: "TrustedHosts", fix: "Write the host alone, with its port.",
			mend: func(s *setup) { s.opts.TrustedHosts = []string{s.fill("localhost:{port}")} },
		},
		{
			wrong: "TrustedProxies has an IPv4 network written as IPv6",
			set:   func(s *setup) { s.opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")} },
			says:  []string{"ginauth: TrustedProxies has ::ffff:10.0.0.0/104, an IPv4 network written as IPv6, in which no address is; write 10.0.0.0/8"},
			names: "10.0.0.0/8", fix: "Write 10.0.0.0/8.",
			mend: func(s *setup) { s.opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		},
		{
			wrong: "Two faulty entries of TrustedOrigins and AllowedRedirects",
			set: func(s *setup) {
				s.opts.TrustedOrigins, s.opts.AllowedRedirects = []string{"https://a.example/x", "b.example"}, []string{"https://*.c.example"}
			},
			says: []string{
				"ginauth: TrustedOrigins: \"https://a.example/x\" must be one origin, without a path or a *; write for instance https://admin.example.com",
				"ginauth: TrustedOrigins: \"b.example\" is not an http or https URL; write for instance https://admin.example.com",
				"ginauth: AllowedRedirects: \"https://*.c.example\"",
			},
			names: "TrustedOrigins", fix: "Write whole origins, each as its own entry.",
			mend: func(s *setup) {
				s.opts.TrustedOrigins, s.opts.AllowedRedirects = []string{"https://a.example", "https://b.example"}, []string{"https://c.example"}
			},
		},
		{
			wrong: "No provider",
			set:   func(s *setup) { s.opts.Providers = []ginauth.Provider{} },
			says:  []string{"ginauth: Providers is empty; write for instance ginauth.Goth(github.New(id, secret, \"\"))"},
			names: "Providers", fix: "Write a provider, or set the variables that providers.FromEnv reads.", mend: noOptions,
		},
		{
			wrong: "A provider without its goth provider",
			set:   func(s *setup) { s.opts.Providers = []ginauth.Provider{ginauth.OAuth{}} },
			says:  []string{"ginauth: Providers[0]: OAuth.Provider is nil; write github.New(…) or another goth provider"},
			names: "OAuth.Provider", fix: "Set OAuth.Provider.", mend: noOptions,
		},
		{
			wrong: "Two providers with one id",
			set: func(s *setup) {
				p := oidc.New(s.oidc)
				s.opts.Providers = ginauth.Goth(p, p)
			},
			says:  []string{"ginauth: two providers have the id \"local\"; write one of them as ginauth.OAuth, Email or Credentials with an ID of its own"},
			names: "ID", fix: "Set OAuth.ID of one of them.",
			mend: func(s *setup) {
				s.opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: oidc.New(s.oidc)}, ginauth.OAuth{Provider: oidc.New(s.oidc), ID: "staff"}}
			},
		},
		{
			wrong: "AuthParams with a parameter of the flow",
			set: func(s *setup) {
				s.opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: oidc.New(s.oidc), AuthParams: map[string][]string{"state": {"x"}, "scope": {"email"}}}}
			},
			says: []string{
				"ginauth: provider local: AuthParams sets state, which belongs to the flow; leave it out",
				"ginauth: provider local: AuthParams sets scope without openid, which an OpenID provider needs; put openid into it",
			},
			names: "AuthParams", fix: "Leave state out of AuthParams, and put openid into scope.", mend: noOptions,
		},
		{
			wrong: "SignOutAtProvider at a service without an end session endpoint",
			set: func(s *setup) {
				s.opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: oauth.New(forge(s)), SignOutAtProvider: true}}
			},
			says:  []string{"ginauth: provider local: SignOutAtProvider is set, but *oauth.Provider is no ginauth.EndSessionProvider; leave it out, or use the package oidc"},
			names: "SignOutAtProvider", fix: "Leave SignOutAtProvider out, or use the package oidc.",
			mend: func(s *setup) {
				s.opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: oidc.New(s.oidc), SignOutAtProvider: true}}
			},
		},
		{
			wrong: "Endpoints of a plain OAuth 2.0 service without a scheme",
			set: func(s *setup) {
				withForge(s, func(c *oauth.Config) {
					c.AuthURL, c.TokenURL, c.UserInfoURL = "forge.example/authorize", "", "forge.example/user"
				})
			},
			says: []string{
				"ginauth: provider local: oauth: local: AuthURL is not an http(s) URL: write the service's endpoint, such as https://forge.example/oauth/authorize",
				"ginauth: provider local: oauth: local: TokenURL is empty: write the service's endpoint, such as https://forge.example/oauth/token",
				"ginauth: provider local: oauth: local: UserInfoURL is not an http(s) URL: write the service's endpoint, such as https://forge.example/api/user",
			},
			names: "AuthURL", fix: "Write whole URLs.",
			mend: func(s *setup) { withForge(s, nil) },
		},
		{
			wrong: "Credentials with several faults",
			set: func(s *setup) {
				s.opts.Providers = append(ginauth.Goth(oidc.New(s.oidc)), ginauth.Credentials{Fields: []ginauth.Field{{Label: "Name"}}, Identifier: "user"})
			},
			says: []string{
				"ginauth: provider credentials: Credentials.Authorize is nil; write the function that checks what was typed",
				"ginauth: provider credentials: Credentials.Fields[0] has no Name",
				"ginauth: provider credentials: Credentials.Identifier is \"user\", which none of Credentials.Fields is called",
			},
			names: "Credentials.Authorize", fix: "Write Authorize, name each field, and name one of them in Identifier.",
			mend: func(s *setup) { s.opts.Providers = append(ginauth.Goth(oidc.New(s.oidc)), members()) },
		},
		{
			wrong: "Email without a mail server, an Adapter and an address",
			set: func(s *setup) {
				s.opts.Providers = append(ginauth.Goth(oidc.New(s.oidc)), ginauth.Email{MaxAge: time.Second})
			},
			says: []string{
				"ginauth: provider email: Email.MaxAge is shorter than mail takes; write a minute or more",
				"ginauth: provider email: Email has neither SMTP nor Send; write the server that takes the mail in SMTP.Addr, such as smtp.example.com:587",
				"ginauth: provider email: Options.Adapter is nil;",
				"ginauth: provider email: a link in a mail must not lead to a host that a request chose; write the site's address into BaseURL or NEXTAUTH_URL",
			},
			names: "SMTP", fix: "Set SMTP or Send, an Adapter and BaseURL.",
			mend: func(s *setup) {
				s.opts.Adapter, s.opts.BaseURL = ginauth.MemoryAdapter(), "http://localhost:{port}"
				s.opts.Providers = append(ginauth.Goth(oidc.New(s.oidc)), ginauth.Email{From: "shop@example.com", SMTP: ginauth.SMTP{Addr: "localhost:25"}})
			},
		},
	}
}

// siteFaultTroubles are the rest of what Register refuses.
func siteFaultTroubles() []trouble {
	noOptions := func(s *setup) { s.opts = ginauth.Options{} }
	return []trouble{
		{
			wrong: "Cookies.Domain that browsers refuse from the site's host",
			set: func(s *setup) {
				s.open, s.proxy, s.opts.BaseURL, s.opts.Cookies.Domain = "https://www.shop.example", s.proxied(nil), "https://www.shop.example", "example"
			},
			says:  []string{"ginauth: Cookies.Domain is example, and browsers take no cookie for it from https://www.shop.example; write shop.example, or leave it out"},
			names: "shop.example", fix: "Write shop.example.",
			mend: func(s *setup) { s.opts.Cookies.Domain = "shop.example" },
		},
		{
			wrong: "Cookies.Prefix with other characters, or too long",
			set: func(s *setup) {
				s.opts.Cookies.Prefix = "my application; the one with the very long name that no cookie should have"
			},
			says: []string{
				"ginauth: Cookies.Prefix is \"my application; ",
				"ginauth: Cookies.Prefix has 74 characters; write at most 64, since browsers keep no cookie of more than 4 KB",
			},
			names: "Cookies.Prefix", fix: "Write a short word.",
			mend: func(s *setup) { s.opts.Cookies.Prefix = "my-application" },
		},
		{
			wrong: "SameSite=None on http",
			set:   func(s *setup) { s.opts.Cookies.SameSite = 4 },
			says:  []string{"ginauth: Cookies.SameSite is None, which browsers take over https only; write an https BaseURL"},
			names: "BaseURL", fix: "Serve the site on https, and set BaseURL to that address.",
			mend: func(s *setup) {
				s.open, s.proxy, s.opts.BaseURL = "https://shop.example", s.proxied(nil), "https://shop.example"
			},
		},
		{
			wrong: "Pages.SignIn is not a path",
			set:   func(s *setup) { s.opts.Pages.SignIn = "login" },
			says:  []string{"ginauth: Pages.SignIn is \"login\"; write a path such as /login, or an http(s) URL"},
			names: "Pages.SignIn", fix: "Write /login.",
			mend: func(s *setup) {
				s.opts.Pages.SignIn = "/login"
				s.page = ownPage(func(a *ginauth.Auth, c *gin.Context) template.HTML { return a.CSRFField(c) })
			},
		},
		{
			wrong: "A page for new users without an Adapter",
			set:   func(s *setup) { s.opts.Pages.NewUser = "/me" },
			says:  []string{"ginauth: Pages.NewUser needs an Adapter, which knows who is new; set Options.Adapter"},
			names: "Options.Adapter", fix: "Set Options.Adapter.",
			mend: func(s *setup) { s.opts.Adapter = ginauth.MemoryAdapter() },
		},
		{
			wrong: "Texts and Theme with several faults",
			set: func(s *setup) {
				s.opts.Texts, s.opts.Theme = ginauth.Texts{Lang: "en_US", SignInWith: "Go"}, ginauth.Theme{BrandColor: "blue"}
			},
			says: []string{
				"ginauth: Theme, Texts or Translations: pages: Texts.Lang \"en_US\" is not a language tag: write one such as \"en\" or \"pt-BR\"",
				"ginauth: Theme, Texts or Translations: pages: Texts.SignInWith \"Go\" names no provider: write {provider} where its name goes",
				"ginauth: Theme, Texts or Translations: pages: Theme.BrandColor",
			},
			names: "Texts.Lang", fix: "Write what the messages say.",
			mend: func(s *setup) {
				s.opts.Texts, s.opts.Theme = ginauth.Texts{Lang: "en-US", SignInWith: "Go to {provider}"}, ginauth.Theme{BrandColor: "#0000ff"}
			},
		},
		{
			wrong: "Session.MaxAge and UpdateAge that contradict each other",
			set:   func(s *setup) { s.opts.Session.MaxAge, s.opts.Session.UpdateAge = time.Hour, 2*time.Hour },
			says:  []string{"ginauth: Session.UpdateAge is 2h0m0s, so that a session in use ends at its MaxAge, 1h0m0s; write less, such as 30m0s"},
			names: "Session.UpdateAge", fix: "Set UpdateAge to 30 minutes.",
			mend: func(s *setup) { s.opts.Session.UpdateAge = 30 * time.Minute },
		},
		{
			wrong: "Session.MaxPerUser without a store that lists",
			set:   func(s *setup) { s.opts.Session.MaxPerUser = 3 },
			says:  []string{"ginauth: Session.MaxPerUser is set, but no Session.Store that lists a user's sessions; use redisstore.New or gormadapter's Sessions, or leave MaxPerUser out"},
			names: "Session.MaxPerUser", fix: "Leave MaxPerUser out, or use redisstore.", mend: noOptions,
		},
		{
			wrong: "gin-contrib's cookie store as Session.Store",
			set:   func(s *setup) { s.opts.Session.Store = ginauth.GinStore(cookie.NewStore([]byte(testSecret))) },
			says:  []string{"ginauth: Session.Store: "},
			names: "Session.Store", fix: "Leave Session.Store out. The sealed cookie does what you want.", mend: noOptions,
		},
		{
			wrong: "A Rate without a time",
			set:   func(s *setup) { s.opts.Limits.Guesses = ginauth.Rate{Count: 5} },
			says:  []string{"ginauth: Limits.Guesses is 5 in 0s; write for instance ginauth.Rate{Count: 10, Per: 10m0s}"},
			names: "Limits.Guesses", fix: "Set Per too.",
			mend: func(s *setup) { s.opts.Limits.Guesses = ginauth.Rate{Count: 10, Per: 10 * time.Minute} },
		},
	}
}
