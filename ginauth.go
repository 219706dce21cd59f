// Package ginauth adds sign-in to Gin applications, modelled on NextAuth.js. One call
// mounts the routes for signing in and out, one middleware guards a route group, and
// one function returns who is signed in.
//
//	r := gin.Default()
//	auth, err := ginauth.Register(r, ginauth.Options{
//		Providers: ginauth.Goth(github.New(os.Getenv("GITHUB_ID"), os.Getenv("GITHUB_SECRET"), "", "user:email")),
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	me := r.Group("/me", auth.RequireSession())
//	me.GET("", func(c *gin.Context) {
//		c.JSON(http.StatusOK, ginauth.GetSession(c))
//	})
//
// # Guards and roles
//
// RequireSession takes guards, which say who else may pass. Callbacks.JWT puts what they
// need into the session:
//
//	isAdmin := func(c *gin.Context, s *ginauth.Session) bool {
//		return ginauth.GetToken(c).Claims["role"] == "admin"
//	}
//	r.DELETE("/members/:id", auth.RequireSession(isAdmin), deleteMember)
//
// LoadSession is for pages that everybody may see: GetSession returns nil for nobody.
//
// # Wire contract
//
// The routes, cookies and answers are those of NextAuth.js version 4. The client
// next-auth/react works with them unmodified. A session cookie that a Next.js
// application sealed with the same secret opens here, and the other way round.
//
// # Sign-in
//
// Each sign-in is bound to the browser that started it, to its provider, client and
// callback URL by state, to its token request by PKCE (RFC 7636), to its id_token by a
// nonce (OpenID Connect Core §3.1.2.1) and to its issuer (RFC 9207), even if the goth
// provider knows none of these. A request to a provider ends after ten seconds, and an
// answer at 1 MiB.
//
// Goth makes providers of goth's own. The packages oidc and oauth make one of an issuer
// or of endpoints, and the package providers makes one by a service's name:
//
//	list, err := providers.FromEnv() // GITHUB_ID, GITHUB_SECRET, …
//
// Credentials signs people in by name and password, and Email by a link or code in a
// mail. The button on its page uses the link up, not the request for the page: programs
// that check mails follow links. Auth.SignIn signs in people whom the application knows.
//
// # Session
//
// A session is a token sealed in a cookie (a JWE, RFC 7516, with A256GCM). It needs no
// store. The server cannot end it before its MaxAge, unless Session.Revocations
// remember who was signed out. With Session.Store it is kept on the server, and the
// cookie holds a handle.
//
//	Session: ginauth.SessionOptions{
//		MaxAge:      12 * time.Hour,
//		Revocations: redisstore.NewRevocations(client, redisstore.Options{}),
//	},
//
// # Tests
//
// The package ginauthtest signs a request in without a browser or a provider:
//
//	req := httptest.NewRequest(http.MethodGet, "/me", nil)
//	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "42", Name: "Ada Lovelace"})
//	r.ServeHTTP(w, req)
//
// # Environment
//
// NEXTAUTH_SECRET (or AUTH_SECRET) replaces Options.Secret, NEXTAUTH_URL (or AUTH_URL)
// replaces Options.BaseURL, and AUTH_TRUST_HOST=true trusts every host. An option takes
// precedence over its variable.
//
// More is at https://github.com/ginauth/ginauth/blob/main/docs/README.md.
package ginauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/linking"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/replay"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/site"
	"github.com/ginauth/ginauth/internal/stream"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/tokenset"
	"github.com/ginauth/ginauth/internal/transaction"
)

// Options configure an Auth. New and Register check all of them at once and
// name every fault in one error.
type Options struct {
	// Providers are the ways to sign in, such as Goth(github.New(id, secret, "")). Register
	// needs at least one.
	Providers []Provider
	// Secret seals the cookies: at least 32 bytes, from a random generator.
	// Default: the environment's NEXTAUTH_SECRET, then AUTH_SECRET. Without any,
	// one is made for this process, with a warning; in gin's release mode that
	// is a fault.
	Secret string
	// PreviousSecrets still open cookies and verify CSRF tokens, but seal none: a new
	// Secret signs nobody out while the old one is listed here. For example
	// []string{os.Getenv("OLD_SECRET")}. Default: none.
	PreviousSecrets []string
	// BaseURL is the canonical URL of the site as browsers know it, such as
	// https://app.example.com. A path in it is the public path of the auth
	// routes, and ends in auth unless BasePath names it too. An international name, https://münchen.example, stands for its ASCII
	// form, which browsers send. Default: the environment's NEXTAUTH_URL, then AUTH_URL. Without
	// any, and without TrustedHosts, requests to localhost are answered, those that
	// httptest.NewRequest makes for its default host, and no others; in gin's release
	// mode that is a fault.
	BaseURL string
	// BasePath is where the routes are mounted below the router given to Register; /
	// on a group that is itself the place. Default: BaseURL's path with the router's
	// own path removed, else /api/auth.
	//
	// Where a proxy takes a prefix off the path, so that https://h/shop/me reaches the
	// application as /me, write both: https://h/shop/api/auth in BaseURL and /api/auth
	// here. The prefix is what the first has in front of the second. Paths in callback
	// URLs and Pages then are the application's own, without it.
	BasePath string
	// TrustedHosts are the hosts that a site without BaseURL answers for, exact
	// or *.example.com, with a port where it is not the scheme's own. Default:
	// none, or any host if the environment's AUTH_TRUST_HOST is true.
	TrustedHosts []string
	// TrustedProxies are the peers whose X-Forwarded-Host, X-Forwarded-Proto and
	// X-Forwarded-For are believed; UnixSocket stands for those of a Unix socket. For
	// example []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")}.
	// Default: none. gin's own setting is not used: it trusts everybody.
	TrustedProxies []netip.Prefix
	// TrustedOrigins are further origins, such as https://admin.example.com,
	// that may send state-changing requests. Default: the base origin alone.
	TrustedOrigins []string
	// AllowedRedirects are further origins that callbackUrl may lead to, such as
	// https://shop.example.com. Default: the base origin alone.
	AllowedRedirects []string

	Session   SessionOptions
	Callbacks Callbacks
	Events    Events
	Pages     Pages
	Theme     Theme
	Texts     Texts
	// Translations are the words of pages and mails in further languages, by BCP 47 tag,
	// such as texts.German for "de". Each request gets the best match for its
	// Accept-Language header, and Texts where none matches. What a translation lacks it
	// takes from Texts. Default: none.
	Translations map[string]Texts
	// AccountPage serves GET account: a page on which people see how they sign in and
	// where they are signed in, and change that. Default: there is none.
	AccountPage bool
	// Language overrides that choice: it returns a BCP 47 tag, from a person's settings for
	// instance, or "" to leave the choice to the header. Default: none.
	Language func(c *gin.Context) string
	Cookies  CookieOptions
	Limits   Limits

	// Adapter keeps users and their accounts in a database, such as that of the
	// package gormadapter. A token's subject is then the ID of the adapter's user.
	// Email needs one.
	// Default: none, the provider's profile is the user.
	Adapter Adapter
	// Factors ask for a second proof at sign-in. Default: nobody is asked.
	Factors FactorOptions

	// HTTPClient carries the requests to identity providers: of it only the
	// Transport is used. Default: http.DefaultTransport. Time limits, body limits
	// and redirects are ginauth's own in any case.
	HTTPClient *http.Client
	// Logger gets what went wrong, without tokens, codes or secrets. Default:
	// slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// DangerousShortSecret accepts a Secret of fewer than 32 bytes. Anybody who
	// guesses it can sign in as any user.
	DangerousShortSecret bool
}

// UnixSocket stands in Options.TrustedProxies for a proxy that connects through a Unix
// socket, and so has no address. It is written as ::/128, from where nobody connects
// (RFC 4291 §2.5.2).
func UnixSocket() netip.Prefix { return origin.UnixSocket() }

// SessionOptions say where sessions are kept and how long they last.
type SessionOptions struct {
	// Store keeps sessions on the server: redisstore's, or what GinStore makes of
	// a store of gin-contrib/sessions. Default: none, a session is sealed in its
	// cookie.
	Store SessionStore
	// Revocations end sessions before their time, of one person everywhere or one
	// alone. Default: none, a sealed session then lasts until its MaxAge.
	Revocations Revocations
	// KeepTokens keeps the provider's tokens with the session, for Auth.Client: in
	// a Store the access token, the refresh token and the id_token; without one the
	// access token alone, in the sealed cookie, for as long as it lasts. Neither
	// callbacks nor the browser see them. Default: they are kept nowhere.
	KeepTokens bool
	// MaxAge is how long a session lasts that is not used, such as 12 * time.Hour.
	// Default: 30 days.
	MaxAge time.Duration
	// AbsoluteMaxAge is how long a session lasts however much it is used, from the
	// sign-in on (Token.AuthTime), whatever end its token says. A session that next-auth
	// began has no such time: it counts from the iat that it had when ginauth, with this
	// option, first sealed it. Default: 0, for as long as it is used.
	AbsoluteMaxAge time.Duration
	// UpdateAge is how old a token gets before a guarded request seals it again,
	// which moves its end. Default: 24 hours, and at most half of MaxAge;
	// negative: at every request.
	UpdateAge time.Duration
	// MaxPerUser is how many sessions a user may have at once, where the Store is a
	// UserSessionStore, such as redisstore's. When one more begins, the oldest ends.
	// Several sign-ins of a user that end at the same moment may exceed it until the
	// last of them is answered. Default: 100; negative: any number.
	MaxPerUser int
	// Format is whose sessions are read and made. Default: NextAuthV4.
	Format Format
}

// A Format is the token format and the cookie names of a version of NextAuth.js.
// A session of one opens only in its own.
type Format int

const (
	NextAuthV4 Format = iota // next-auth 4: A256GCM, cookies next-auth.*
	AuthJSV5                 // Auth.js, next-auth 5: A256CBC-HS512, cookies authjs.*
)

// CookieOptions change the cookies' names and reach.
type CookieOptions struct {
	// Prefix begins the cookies' names. Default: next-auth, or authjs with
	// AuthJSV5. A second Auth on one host needs another. With a prefix of one's
	// own, sessions have a key of their own: they open neither at another Auth with
	// the same Secret nor in Next.js.
	Prefix string
	// Domain shares the session cookie, and no other, with all hosts below it, such as
	// example.com. Default: this host.
	Domain string
	// SameSite is the session cookie's. Default: http.SameSiteLaxMode.
	SameSite http.SameSite
	// Partitioned is for an application that other sites show in a frame: all cookies are
	// then SameSite=None and Partitioned (CHIPS). The browser keeps a jar of them for each
	// site around the frame, so that a person signs in once below each. It needs SameSite
	// http.SameSiteNoneMode and an https BaseURL. Pages of ginauth refuse to be framed
	// all the same: show a sign-in page of your own, Pages.SignIn, in the frame.
	Partitioned bool
}

// An Auth is a configured ginauth. It is immutable and safe for concurrent use.
type Auth struct {
	opts      Options
	release   bool        // gin's mode when this was configured, and
	debug     bool        // whether it was the debug mode
	providers []*provider // in the order of Options.Providers

	site        *site.Site
	keys        keys
	http, https schemeKeys
	namespace   sessionstrategy.Namespace // of the sessions in a shared store
	calls       calls
	ending      ending
	shared      shared
	attempts    *limit.Attempts // nil: no limits
	factors     secondFactors

	pages        *pages.Languages
	publicErrors errorcode.Public
	client       pages.Script
	refusals     *refusal.Log
}

// keys are derived from the secrets, one for each purpose.
type keys struct {
	signIn       transaction.Keys
	csrf         *token.CSRF
	verification *token.Digest  // of mailed links and codes
	mail         *token.Keyring // of the mails that browsers asked for
	device       *token.Keyring // of who has signed in in a browser
	factors      *token.Digest  // of how the person of a session proved who they are
	nonce        *token.Digest  // of id_tokens that are handed over
	notes        *token.Keyring // of what the next page shows
}

// calls bound what may hang.
type calls struct {
	store   *bulkhead.Bulkhead // of Session.Store
	adapter *bulkhead.Bulkhead // of Adapter
	mail    *bulkhead.Bulkhead // mails that are being sent
	limiter *bulkhead.Bulkhead // of Limits.Limiter, as it counts nonces; nil without one
}

// ending is how sessions end before their time.
type ending struct {
	revoked *revocation.Check // nil without Revocations
	devices *revocation.Check // revoked; without it, and with a store that RevokeUser uses, of this process alone
	streams *stream.Streams
	closed  context.Context // ends at Close
	close   context.CancelFunc
}

// shared is what requests of the same moment have in common.
type shared struct {
	callbacks *replay.Results[outcome] // of callbacks that come twice
	locks     *sessionstrategy.Locks   // of sessions that this process changes
	renewals  *tokenset.Renewals       // of providers' tokens
	takeovers linking.Takeovers        // of users by the owners of their addresses
}

// schemeKeys are what hangs on whether the site is on https: the cookies' names, and
// the key of Auth.js's sessions, which is derived with their cookie's name.
type schemeKeys struct {
	names    cookie.Names
	sessions sessionstrategy.Strategy
}

func (a *Auth) scheme(base origin.Base) *schemeKeys {
	if base.Secure {
		return &a.https
	}
	return &a.http
}

// New makes an Auth without routes, for an application that only reads sessions:
// those of a Next.js app with the same secret, or of another service that
// registers the routes. Its error names every configuration fault.
func New(opts Options) (*Auth, error) { return configure(opts, "", false) }

// Register makes an Auth and mounts the auth routes on r, an engine or a group,
// with one route for all of them, BasePath/*action. Its error names every
// configuration fault, or the route that is in the way.
func Register(r gin.IRouter, opts Options) (*Auth, error) {
	prefix := ""
	if group, ok := r.(interface{ BasePath() string }); ok {
		prefix = group.BasePath()
	}
	a, err := configure(opts, prefix, true)
	if err != nil {
		return nil, err
	}
	others := neighbours(r)
	if err := a.mount(r, prefix); err != nil {
		return nil, err
	}
	if err := a.checkApart(others); err != nil {
		return nil, err
	}
	a.announce()
	return a, nil
}

// Close ends the streams of SessionContext, which http.Server.Shutdown would else wait
// for until its own deadline. A stream that begins afterwards ends at once. Their cause
// (context.Cause) is http.ErrServerClosed, since nobody was signed out: a page that
// connects again goes on at the next process. Hand it to the server:
//
//	server.RegisterOnShutdown(auth.Close)
//
// Everything else goes on, so that requests under way are answered. Close may be called
// several times.
func (a *Auth) Close() { a.ending.close() }

func (a *Auth) mount(r gin.IRouter, group string) (err error) {
	path := strings.TrimSuffix(group, "/") + a.site.MountPath
	defer func() {
		v := recover() // gin panics on a conflict
		switch {
		case v == nil:
		case strings.Contains(fmt.Sprint(v), " existing prefix '"+path+"/*action'"):
			err = fmt.Errorf("ginauth: Register was called twice on this router, or another route is %s/*action; call it once and use the Auth that it returned, or give the second one a BasePath and a Cookies.Prefix of its own, for instance /admin/auth and admin", path)
		default:
			err = fmt.Errorf("ginauth: BasePath: the routes cannot be mounted at %s: %v; take the other route away, or write another path in BasePath", path, v)
		}
	}()
	r.Any(a.site.MountPath+"/*action", a.serve)
	return nil
}
