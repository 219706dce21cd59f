package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/corrected"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
)

// A Provider is a way to sign in: OAuth, Credentials or Email.
type Provider interface {
	// configure checks the provider and makes what its sign-ins need.
	configure(client *http.Client) (*provider, error)
}

// Goth makes Providers of goth's, each with its defaults. Use OAuth to set more.
func Goth(ps ...goth.Provider) []Provider {
	providers := make([]Provider, len(ps))
	for i, p := range ps {
		providers[i] = OAuth{Provider: p}
	}
	return providers
}

// OAuth signs people in at an OAuth 2.0 or OpenID provider, with state, PKCE and
// nonce, whether or not the goth provider knows of them.
type OAuth struct {
	// Provider is made by a goth provider's New, or by the package oidc. Its
	// callback URL may be left empty: it is the site's address, the path of the
	// auth routes, /callback/ and the ID.
	Provider goth.Provider
	// ID stands in the routes, signin/:id and callback/:id, and in every account.
	// Default: the provider's name.
	ID string
	// Name is what people read on the button. Default: the provider's own name
	// for display.
	Name string
	// Logo is the URL or path of a picture for the button, such as /work.svg, square
	// and shown 20 pixels high. The sign-in page may then load pictures from its
	// origin. Default: the service's mark where its owner lets others show it, and
	// else the first letter of Name.
	Logo string
	// AuthParams are added to the authorization URL, such as prompt=consent or
	// access_type=offline. Those that belong to the flow are a configuration
	// fault: client_id, redirect_uri, response_type, response_mode, state, nonce,
	// code_challenge, and at an OpenID provider a scope without openid.
	//
	// At an OpenID provider max_age is enforced: a sign-in is refused unless the
	// id_token's auth_time shows that the person proved who they are at most so many
	// seconds before it began (OpenID Connect Core §3.1.3.7, no. 13). prompt=login
	// asks for the same without proof; max_age=0 has it. acr_values are wishes: read
	// the claim acr of the profile's RawData in Callbacks.SignIn.
	AuthParams url.Values
	// Profile makes a User of what the provider says. Default: the fields of the
	// same name, the e-mail address in lower case. A User without ID is refused.
	Profile func(goth.User) (User, error)
	// DisablePKCE leaves out the code challenge (RFC 7636), for the rare server
	// that refuses it.
	DisablePKCE bool
	// SignOutAtProvider ends the provider's own session too when somebody signs out
	// (OpenID Connect RP-Initiated Logout 1.0): POST signout then leads to the
	// provider, and from there to callbackUrl, which must be registered there as a
	// post-logout redirect URI. The provider must be an EndSessionProvider, such
	// as those of package oidc.
	SignOutAtProvider bool
	// ThirdPartyLogin lets other sites start a sign-in at this provider (OpenID Connect
	// Core §4), as the tiles of Okta's dashboard and of Microsoft's My Apps do: by
	// GET signin/:provider?iss=…&login_hint=…&target_link_uri=…, such as
	// https://app.example.com/api/auth/signin/okta. Register that address at the
	// provider as its initiate login URI.
	//
	// Without it no other site starts any sign-in. With it every site does, not only
	// the provider's. Where the provider asks nothing, a visitor of such a site is
	// signed in here without a click, with whatever account their browser has at the
	// provider. If that site signed them in there with an account of its own before
	// (login CSRF), they use your site as its user: what they enter, and the accounts
	// that they add, are then in its hands. So only a navigation of the whole page starts one, the issuer must be this
	// provider's, the target one of your own pages, and login_hint alone is passed on.
	// A person who is signed in is asked first. Such a sign-in never adds an account to
	// a user, whatever DangerousEmailAccountLinking says. The provider must be an
	// IssuerProvider, such as those of package oidc.
	ThirdPartyLogin bool
	// TrustMFA spares people the second factor of Options.Factors where the provider has
	// asked for one: where the verified id_token's amr holds "mfa" (RFC 8176 §2), or its
	// acr is one of the acr_values in AuthParams. That is all it does: RequireFactor asks
	// for a factor of this site as ever. Set it for a provider that you trust as far as
	// that. The provider must issue id_tokens, such as those of package oidc.
	TrustMFA bool
	// IDTokens also signs people in by an id_token that another client of the same
	// application got from this provider, a native application or Google's One Tap. Nil:
	// nobody.
	IDTokens *IDTokens
	// DangerousEmailAccountLinking lets a person whose account here is new sign in
	// as the user who has the same e-mail address, where this provider vouches for
	// the address (Account.EmailVerified) and the user has proved it
	// (User.EmailVerified). Without it their sign-in is refused with
	// OAuthAccountNotLinked. With it, anybody who runs the provider, or gets hold of the
	// address there, can sign in as that user. It needs an Adapter.
	DangerousEmailAccountLinking bool
}

// An AuthCodeProvider is a goth.Provider that runs the authorization code flow
// itself, better than goth's interface lets it: with a context and a nonce.
// ginauth uses it in place of the goth methods. The package oidc has one.
type AuthCodeProvider interface {
	goth.Provider
	// AuthCodeURL returns the authorization URL (RFC 6749 §4.1.1). The nonce goes
	// into it where the provider issues id_tokens; opts carry the code challenge.
	AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error)
	// ExchangeCode trades the code for tokens (RFC 6749 §4.1.3), verifies the
	// id_token if there is one, nonce included, and returns the profile. opts
	// carry the code verifier. Requests must use the client that the context
	// holds under oauth2.HTTPClient.
	ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
}

// An IssuerProvider is an AuthCodeProvider that knows the issuer identifier of
// its authorization responses (RFC 9207). An answer from another issuer is
// refused, and one without any if required is true.
type IssuerProvider interface {
	AuthorizationIssuer(ctx context.Context) (issuer string, required bool, err error)
}

// A FormPostProvider is an AuthCodeProvider whose answers come in a POST from the
// provider's site (OAuth 2.0 Form Post Response Mode 1.0), as Apple's do. No
// cookie with SameSite=Lax comes along with such a POST. So the transaction
// cookie of its sign-ins, and no other, is SameSite=None; Secure. Browsers take
// that over https only, and some (not Safari) over http from localhost; any other
// site on http is a configuration fault.
type FormPostProvider interface {
	AuthCodeProvider
	// FormPost reports whether the provider, as it is configured, answers by POST.
	// It is asked once.
	FormPost() bool
	// PostedName returns the name that only the posted form holds, empty if there
	// is none. The browser may have written the form: the name stands in for one
	// that the profile lacks, and nothing else is taken from it.
	PostedName(form url.Values) (given, family string)
}

// A PKCERefuser is an AuthCodeProvider that may say that its service refuses
// token requests with a code verifier, so that none is used. It is asked once.
type PKCERefuser interface {
	RefusesPKCE() bool
}

// An IssuerFamily is an IssuerProvider behind which several issuers stand, such
// as the tenants of Microsoft Entra ID: AuthorizationIssuer then returns what
// they have in common.
type IssuerFamily interface {
	IssuerProvider
	// AcceptsIssuer reports whether an answer may name the issuer sent, where issuer
	// is what AuthorizationIssuer returned. The claim iss of the profile's RawData
	// must be the same issuer.
	AcceptsIssuer(issuer, sent string) bool
}

// A RefreshProvider is an AuthCodeProvider whose access tokens can be renewed
// (RFC 6749 §6). goth's RefreshToken has no context, so that of an
// AuthCodeProvider is never called.
type RefreshProvider interface {
	// RefreshTokenContext exchanges a refresh token for new tokens. If the provider
	// sends no new refresh token, the result holds the old one. A refreshed id_token is
	// verified, except for its nonce (OpenID Connect Core §12.2). No error repeats a
	// token. The error of a refused request wraps the *oauth2.RetrieveError, by which
	// ginauth learns that the refresh token is no longer valid. Requests must use the
	// client that the context holds under oauth2.HTTPClient.
	RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error)
}

// An EndSessionProvider is a goth.Provider at which a person can be signed out,
// for OAuth.SignOutAtProvider. Those of package oidc are.
type EndSessionProvider interface {
	// EndSessionURL returns where to send the browser (OpenID Connect
	// RP-Initiated Logout 1.0 §2). idTokenHint is the id_token of the sign-in, and
	// empty where it was not kept; the browser comes back to postLogoutRedirectURL,
	// with state where that is not empty. Requests must use the client that the
	// context holds under oauth2.HTTPClient.
	EndSessionURL(ctx context.Context, idTokenHint, postLogoutRedirectURL, state string) (string, error)
}

// A LogoutVerifier is a goth.Provider that tells its clients when it ends a
// session, by POST backchannel-logout/:provider (OpenID Connect Back-Channel
// Logout 1.0). Those of package oidc are. The route exists with
// Session.Revocations only, which then know sessions by the id_token's sub and
// sid.
type LogoutVerifier interface {
	// VerifyLogoutToken verifies a logout token (§2.6). ginauth itself remembers the
	// jti, and refuses a token that came before or whose iat is more than an hour ago. Requests must use the client that the context holds under
	// oauth2.HTTPClient.
	VerifyLogoutToken(ctx context.Context, rawLogoutToken string) (*oidc.LogoutToken, error)
}

// An IDTokenVerifier is a goth.Provider whose id_tokens can be verified when they come by
// another way than its token endpoint, for OAuth.IDTokens. Those of package oidc are.
type IDTokenVerifier interface {
	// VerifyIDToken verifies an id_token and returns whose it is. aud must name this
	// client or one of audiences and nobody else; azp, where there is one, the audience
	// itself or one of presenters; nonce must be the token's, which was issued in the last
	// five minutes. accessToken, where it is not empty, must match at_hash. ginauth itself
	// makes the nonce and sees to it that it is used once. Requests must use the client
	// that the context holds under oauth2.HTTPClient.
	VerifyIDToken(ctx context.Context, rawIDToken, nonce, accessToken string, audiences, presenters []string) (goth.User, error)
}

// An Account is the connection of a user to a provider, as made by one sign-in.
type Account struct {
	Provider          string // the provider's ID; "app" at Auth.SignIn
	Type              string // "oauth", "credentials", "email" or "app"
	ProviderAccountID string // the provider's identifier of the person, the subject
	AccessToken       string
	RefreshToken      string
	IDToken           string
	TokenType         string // as sent, usually "bearer" or "Bearer"
	Scope             string // what the provider granted, where it says so
	ExpiresAt         time.Time
	// EmailVerified says that the provider vouches for the user's e-mail address.
	// Without it anybody may have written any address into their profile: it is
	// no proof of who they are.
	EmailVerified bool
}

// oauthMethod is a configured OAuth.
type oauthMethod struct {
	client       *oauth.Provider
	formPost     FormPostProvider // nil: its answers come by GET
	profile      func(goth.User) (User, error)
	made         oauth.Made
	color, mark  string    // of its button: the initial's color, and the service whose mark it has
	logo         string    // in place of the mark
	signOut      bool      // signing out leads to the provider
	signOutAsked sync.Once // whether it can
	linksByEmail bool
	thirdParty   bool     // other sites may start a sign-in
	trustMFA     bool     // the provider's second factor stands for this site's
	trusted      []string // values of acr that say that there was one
	idTokens     *IDTokens
}

func (o OAuth) configure(client *http.Client) (*provider, error) {
	m := &oauthMethod{profile: o.Profile, linksByEmail: o.DangerousEmailAccountLinking, signOut: o.SignOutAtProvider, thirdParty: o.ThirdPartyLogin,
		idTokens: o.IDTokens, trustMFA: o.TrustMFA, trusted: strings.Fields(strings.Join(o.AuthParams["acr_values"], " "))}
	p := &provider{id: o.ID, name: o.Name, method: m}
	if oauth.IsNil(o.Provider) {
		return p, errors.New("OAuth.Provider is nil; write github.New(…) or another goth provider")
	}
	p.id = cmp.Or(p.id, o.Provider.Name())
	if p.name == "" {
		p.name = oauth.DisplayName(o.Provider, p.id)
	}
	if err := pages.CheckLogo(o.Logo); err != nil {
		return p, fmt.Errorf("the Logo %w", err)
	}
	m.logo, m.color, m.mark = o.Logo, oauth.Color(o.Provider, p.id), oauth.Service(o.Provider)
	m.made = oauth.AsMade(o.Provider)
	o.Provider = corrected.Of(o.Provider) // in place of one of goth's that signs nobody in, or wrongly
	if m.profile == nil {
		m.profile = defaultProfile
	}
	var err error
	m.client, err = oauth.New(oauth.Config{
		ID: p.id, Provider: o.Provider, Params: o.AuthParams, DisablePKCE: o.DisablePKCE, HTTPClient: client,
	})
	if err != nil {
		return p, err
	}
	_, issuer := o.Provider.(IssuerProvider)
	for _, asked := range [...]struct {
		of, can       bool
		option, lacks string
	}{
		{m.signOut, m.client.EndsSessions(), "SignOutAtProvider", "is no ginauth.EndSessionProvider"},
		{m.thirdParty, issuer, "ThirdPartyLogin", "is no ginauth.IssuerProvider"},
		{m.trustMFA, m.client.VerifiesIDTokens(), "TrustMFA", "issues no id_tokens that could say how somebody signed in"},
		{m.idTokens != nil, m.client.TakesIDTokens(), "IDTokens", "is no ginauth.IDTokenVerifier"},
	} {
		if asked.of && !asked.can {
			return p, fmt.Errorf("%s is set, but %T %s; leave it out, or use the package oidc", asked.option, o.Provider, asked.lacks)
		}
	}
	if err := m.idTokens.validate(); err != nil {
		return p, err
	}
	if m.client.FormPost() {
		var ok bool
		if m.formPost, ok = o.Provider.(FormPostProvider); !ok {
			return p, fmt.Errorf("%T answers by POST and is no ginauth.FormPostProvider; give it the method PostedName", o.Provider)
		}
	}
	return p, nil
}

func (m *oauthMethod) kind() string         { return oauthType }
func (m *oauthMethod) factor() FactorMethod { return FactorProvider }

func (m *oauthMethod) check(opts *Options) error {
	var err error
	if m.linksByEmail && opts.Adapter == nil {
		err = errors.New("DangerousEmailAccountLinking needs an Adapter, which has accounts to link; set Options.Adapter")
	}
	if m.idTokens != nil {
		err = errors.Join(err, checkIDTokens(opts))
	}
	return err
}

func (m *oauthMethod) button(id, url string) pages.Provider {
	return pages.Provider{Color: m.color, Mark: m.mark, Logo: m.logo, Action: url + "/signin/" + id}
}

func (m *oauthMethod) adapterFailure(err error) (status int, code string) {
	return http.StatusOK, adapterCode(err)
}

// trusts reports whether the provider has asked for a second factor, and is trusted with
// that.
func (m *oauthMethod) trusts(a oauth.Authentication) bool {
	return m.trustMFA && (slices.Contains(a.Methods, "mfa") || slices.Contains(m.trusted, a.Class))
}

func (m *oauthMethod) answersByPost() bool  { return m != nil && m.formPost != nil }
func (m *oauthMethod) signsOut() bool       { return m != nil && m.signOut }
func (m *oauthMethod) verifiesLogout() bool { return m != nil && m.client.VerifiesLogout() }
func (m *oauthMethod) canRefresh() bool     { return m != nil && m.client.CanRefresh() }

// doubts are of what a variable that is not set leaves empty, and of a callback URL that
// somebody wrote in vain.
func (m *oauthMethod) doubts(log *slog.Logger, _ *Options, id string, sites []string) {
	if m.client.Unnamed() {
		log.Warn("ginauth: the client id is empty; was its variable set?", "provider", id)
	}
	if m.made.NoSecret {
		log.Warn("ginauth: the client secret is empty, so that the provider refuses the code; was its variable set?", "provider", id)
	}
	used := callbackURLs(sites, id)
	if m.made.Strays(used) {
		log.Warn("ginauth: the provider was made with a callback URL of its own, which is not used; pass \"\", and register the other one with the provider",
			"provider", id, "written", origin.WithoutSecrets(m.made.CallbackURL), "used", used)
	}
}

func callbackURLs(sites []string, id string) []string {
	urls := make([]string, len(sites))
	for i, site := range sites {
		urls[i] = site + "/callback/" + id
	}
	return urls
}

// defaultProfile lowers A to Z of the address alone: Unicode's lower case of a dotted
// capital I is i, and would make mike@gİthub.com somebody else's address.
func defaultProfile(u goth.User) (User, error) {
	return User{ID: u.UserID, Name: oauth.PersonName(u), Email: ascii.Lower(u.Email), Image: u.AvatarURL}, nil
}

// user makes the User of a profile. The developer's function may fail in any way.
func (p *provider) user(profile goth.User) (user User, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ginauth: provider %s: Profile panicked", p.id)
		}
	}()
	user, err = p.oauth().profile(profile)
	if err == nil && user.ID == "" {
		err = fmt.Errorf("ginauth: provider %s: Profile gave a User without ID", p.id)
	}
	// A picture is shown by pages: what is no web address could be a script.
	if u, bad := url.Parse(user.Image); bad != nil || u.Scheme != "https" && u.Scheme != "http" {
		user.Image = ""
	}
	return user, err
}

// account is what one sign-in brought.
func (p *provider) account(id oauth.Identity, user User) *Account {
	t := id.Tokens()
	return &Account{
		Provider: p.id, Type: p.method.kind(), ProviderAccountID: id.Profile.UserID,
		AccessToken: t.Access, RefreshToken: t.Refresh, IDToken: t.ID, TokenType: t.Type, Scope: t.Scope, ExpiresAt: t.Expires,
		// Of an address that Profile found elsewhere the provider says nothing.
		EmailVerified: id.EmailVerified && ascii.Lower(user.Email) == ascii.Lower(id.Profile.Email),
	}
}
