package ginauth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/replay"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/stream"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/tokenset"
	"github.com/ginauth/ginauth/internal/transaction"
)

const (
	defaultMaxAge     = 30 * 24 * time.Hour
	defaultUpdateAge  = 24 * time.Hour
	defaultMaxPerUser = 100
	defaultPath       = "/api/auth"
	defaultPrefix     = "next-auth"
	defaultPrefixV5   = "authjs"
	minSecret         = 32 // bytes

	// rememberedCallbacks bounds the results kept for callbacks that come twice.
	rememberedCallbacks = 1024
)

// faults collects what is wrong with a configuration.
type faults []error

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Errorf("ginauth: "+format, args...))
}

// configure checks the options, fills in the defaults and makes an Auth. prefix
// is the path of the router that the routes will be mounted on.
func configure(opts Options, prefix string, routes bool) (*Auth, error) {
	var f faults
	release := gin.Mode() == gin.ReleaseMode
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Session.MaxAge == 0 {
		opts.Session.MaxAge = defaultMaxAge
	}
	if opts.Session.MaxAge < time.Second {
		f.add("Session.MaxAge is %v; write a second or more", opts.Session.MaxAge)
	}
	if opts.Session.UpdateAge == 0 {
		opts.Session.UpdateAge = min(defaultUpdateAge, opts.Session.MaxAge/2)
	} else if opts.Session.UpdateAge >= opts.Session.MaxAge {
		f.add("Session.UpdateAge is %v, so that a session in use ends at its MaxAge, %v; write less, such as %v",
			opts.Session.UpdateAge, opts.Session.MaxAge, opts.Session.MaxAge/2)
	}
	if _, lists := opts.Session.Store.(UserSessionStore); !lists && opts.Session.MaxPerUser > 0 {
		f.add("Session.MaxPerUser is set, but no Session.Store that lists a user's sessions; use redisstore.New or gormadapter's Sessions, or leave MaxPerUser out")
	} else if opts.Session.MaxPerUser == 0 {
		opts.Session.MaxPerUser = defaultMaxPerUser
	}
	if store, ok := opts.Session.Store.(interface{ validate(time.Duration) error }); ok {
		if err := store.validate(opts.Session.MaxAge); err != nil {
			f.add("Session.Store: %w", err)
		}
	}
	storeCalls := newStoreCalls(opts.Session.Store)
	a := &Auth{
		release: release,
		calls:   calls{store: storeCalls, adapter: newAdapterCalls(), mail: bulkhead.New(mailTimeout, errUnavailable)},
		ending:  ending{streams: stream.New()},
		shared: shared{
			callbacks: replay.New[outcome](rememberedCallbacks),
			locks:     sessionstrategy.NewLocks(opts.Session.Store, storeCalls, sessionErrors(), sharedStore(opts.Logger)),
			renewals:  tokenset.NewRenewals(ErrTokensExpired),
		},
	}
	a.location(&opts, &f, prefix, release)
	a.origins(&opts, &f)
	a.cookies(&opts, &f)
	made := a.secrets(&opts, &f, release || !routes)
	a.look(&opts, &f)
	a.signIns(&opts, &f, routes)
	a.limits(&opts, &f)
	a.users(&opts, &f)
	if err := errors.Join(f...); err != nil {
		return nil, err
	}
	if made {
		opts.Logger.Warn("ginauth: no Secret and no NEXTAUTH_SECRET: using a random one, so that sessions end with this process")
	}
	for _, p := range a.withoutClientID() {
		opts.Logger.Warn("ginauth: the client id is empty; was its variable set?", "provider", p)
	}
	a.opts = opts
	revocations := revocation.Config{
		Store: opts.Session.Revocations, Calls: newStoreCalls(opts.Session.Revocations), Scope: a.namespace.Scope(),
		SessionLife: opts.Session.MaxAge, DeviceLife: limit.DeviceAge,
	}
	if revocations.Store != nil {
		a.ending.revoked = revocation.New(revocations)
		a.ending.devices = a.ending.revoked
	} else if _, ok := a.userStore(); ok {
		revocations.Store = revocation.NewMemory()
		a.ending.devices = revocation.New(revocations)
	}
	return a, nil
}

// sharedStore says once that several processes share a store that is not made for it.
func sharedStore(log *slog.Logger) func() {
	return sync.OnceFunc(func() {
		log.Warn("ginauth: another process writes to Session.Store, which is neither a CompareStore nor a SessionLocker: of two updates at once, one may be lost; use redisstore or gormadapter's Sessions, or run one process")
	})
}

func firstEnv(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// secrets makes what seals, and reports whether the secret is made up. needed
// says that it may not be: in release mode, and where sessions of another app
// are read.
func (a *Auth) secrets(opts *Options, f *faults, needed bool) (made bool) {
	if opts.Secret == "" {
		opts.Secret = firstEnv("NEXTAUTH_SECRET", "AUTH_SECRET")
	}
	if opts.Secret == "" {
		if needed {
			f.add("Secret is empty; write 32 random bytes or more into NEXTAUTH_SECRET, for instance what `openssl rand -base64 32` prints, and for New the very secret of the app that signs people in")
			return false
		}
		opts.Secret, made = token.Random(), true
	}
	if len(opts.Secret) < minSecret && !opts.DangerousShortSecret {
		f.add("Secret has %d bytes; write %d random bytes or more, for instance what `openssl rand -base64 32` prints", len(opts.Secret), minSecret)
		return false
	}
	all := append([]string{opts.Secret}, opts.PreviousSecrets...)
	successors := sessionstrategy.NewSuccessors()
	for _, scheme := range [...]*schemeKeys{&a.http, &a.https} {
		salt, format := "", token.V4
		switch {
		case opts.Session.Format == AuthJSV5:
			salt, format = scheme.names.Session, token.V5
		case opts.Cookies.Prefix != defaultPrefix: // a session of one Auth is none of another's
			salt = scheme.names.Session
		}
		ring, err := format.Keyring(salt, all...)
		if err != nil {
			f.add("PreviousSecrets holds an empty secret; leave it out")
			return false
		}
		scheme.sessions = sessionstrategy.InCookie(ring, successors, sessionErrors())
		if opts.Session.Store != nil {
			scheme.sessions = sessionstrategy.InStore(opts.Session.Store, a.calls.store, a.shared.locks, a.namespace, sessionErrors())
		}
	}
	var err error
	if a.keys.signIn, err = transaction.NewKeys(all...); err != nil {
		f.add("%w", err)
	}
	// Nor is what a mail brings shared with anything else.
	if a.keys.mail, err = token.V4.Keyring("ginauth.mail", all...); err != nil {
		f.add("%w", err)
	}
	if a.keys.verification, err = token.NewDigest("ginauth.mail", all...); err != nil {
		f.add("%w", err)
	}
	// To have signed in here says nothing at another Auth with the same secret.
	if a.keys.device, err = token.V4.Keyring("ginauth.device."+opts.Cookies.Prefix, all...); err != nil {
		f.add("%w", err)
	}
	a.keys.csrf = token.NewCSRF(all...)
	return made
}

var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// location settles the site's base URL and the path of the routes.
func (a *Auth) location(opts *Options, f *faults, prefix string, release bool) {
	prefix = strings.TrimSuffix(prefix, "/")
	option := "BaseURL"
	if opts.BaseURL == "" {
		if opts.BaseURL = firstEnv("NEXTAUTH_URL", "AUTH_URL"); opts.BaseURL != "" {
			option = "NEXTAUTH_URL"
			if !strings.Contains(opts.BaseURL, "://") {
				opts.BaseURL = "https://" + opts.BaseURL
			}
		}
	}
	path := ""
	if opts.BaseURL != "" {
		u, err := origin.Parse(opts.BaseURL)
		if err != nil {
			f.add("%s: %w; write for instance https://app.example.com", option, err)
			return
		}
		path = strings.TrimSuffix(u.Rest, "/")
		if path != "" && !plainPath.MatchString(path) {
			f.add("%s has the path %q; write letters, digits and . _ ~ - between slashes", option, u.Rest)
			return
		}
		opts.BaseURL = u.Origin() + path
	}
	a.site.mountPath = strings.TrimSuffix(opts.BasePath, "/")
	switch {
	case opts.BasePath != "" && !plainPath.MatchString(a.site.mountPath):
		f.add("BasePath is %q; write for instance %s", opts.BasePath, defaultPath)
		return
	case opts.BasePath != "":
	case path == "":
		a.site.mountPath = defaultPath
	case strings.HasPrefix(path, prefix+"/"):
		a.site.mountPath = strings.TrimPrefix(path, prefix)
	default:
		f.add("%s has the path %s, which is not below the group's own, %s; write in BasePath where the routes are mounted", option, path, prefix)
		return
	}
	a.site.publicURL = path
	if path == "" {
		a.site.publicURL = prefix + a.site.mountPath
	}
	a.client = newClientModule(a.site.publicURL)

	for _, p := range opts.TrustedProxies {
		if p.IsValid() && p.Addr().Is4In6() {
			f.add("TrustedProxies has %v, an IPv4 network written as IPv6, in which no address is; write %v",
				p, netip.PrefixFrom(p.Addr().Unmap(), max(0, p.Bits()-96)))
		}
		if !p.IsValid() {
			f.add("TrustedProxies has %v; write for instance netip.MustParsePrefix(\"10.0.0.0/8\"), or ginauth.UnixSocket()", p)
		}
	}
	trustAny := false
	if env := os.Getenv("AUTH_TRUST_HOST"); env != "" && opts.BaseURL == "" && len(opts.TrustedHosts) == 0 {
		var err error
		if trustAny, err = strconv.ParseBool(env); err != nil {
			f.add("AUTH_TRUST_HOST is %q; write true or false", env)
		}
	}
	unset := opts.BaseURL == "" && len(opts.TrustedHosts) == 0 && !trustAny
	if unset && release {
		f.add("BaseURL is empty; write the site's address into NEXTAUTH_URL, for instance https://app.example.com, or set TrustedHosts")
	}
	var err error
	a.site.hosts, err = origin.New(origin.Config{
		BaseURL: opts.BaseURL, Path: a.site.publicURL, TrustedHosts: opts.TrustedHosts,
		TrustAnyHost: trustAny, TrustLoopback: unset, TrustedProxies: opts.TrustedProxies,
	})
	if err != nil {
		f.add("TrustedHosts: %w", err)
	}
}

func (a *Auth) origins(opts *Options, f *faults) {
	var errs []error
	if a.site.trusted, errs = origin.NewSet(opts.TrustedOrigins); errs != nil {
		f.add("TrustedOrigins: %w; write for instance https://admin.example.com", errors.Join(errs...))
	}
	if a.site.allowed, errs = origin.NewSet(opts.AllowedRedirects); errs != nil {
		f.add("AllowedRedirects: %w; write for instance https://www.example.com", errors.Join(errs...))
	}
	a.site.crossOrigin = http.NewCrossOriginProtection()
	for o := range a.site.trusted {
		if err := a.site.crossOrigin.AddTrustedOrigin(o); err != nil {
			f.add("TrustedOrigins: %w", err)
		}
	}
}

var (
	cookieToken = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	domainName  = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)
)

func (a *Auth) cookies(opts *Options, f *faults) {
	if format := opts.Session.Format; format != NextAuthV4 && format != AuthJSV5 {
		f.add("Session.Format is %d; write ginauth.NextAuthV4 or ginauth.AuthJSV5", format)
	}
	if opts.Cookies.Prefix == "" {
		opts.Cookies.Prefix = defaultPrefix
		if opts.Session.Format == AuthJSV5 {
			opts.Cookies.Prefix = defaultPrefixV5
		}
	}
	if !cookieToken.MatchString(opts.Cookies.Prefix) {
		f.add("Cookies.Prefix is %q; write letters, digits, dots and dashes", opts.Cookies.Prefix)
	}
	a.namespace = sessionstrategy.NewNamespace(opts.Cookies.Prefix, defaultPrefix)
	if d := opts.Cookies.Domain; d != "" {
		// Browsers compare it in ASCII and drop a dot in front (RFC 6265 §5.2.3).
		host, err := origin.Host(strings.TrimPrefix(d, "."))
		if err != nil || !domainName.MatchString(host) {
			f.add("Cookies.Domain is %q; write for instance example.com", d)
		}
		opts.Cookies.Domain = host
	}
	if s := opts.Cookies.SameSite; s < 0 || s > http.SameSiteNoneMode {
		f.add("Cookies.SameSite is %d; write http.SameSiteLaxMode, http.SameSiteStrictMode or http.SameSiteNoneMode", s)
	}
	if opts.Cookies.SameSite == http.SameSiteNoneMode && !strings.HasPrefix(opts.BaseURL, "https://") {
		f.add("Cookies.SameSite is None, which browsers take over https only; write an https BaseURL")
	}
	a.http.names = cookie.NewNames(opts.Cookies.Prefix, false)
	a.https.names = cookie.NewNames(opts.Cookies.Prefix, true)
}

func (a *Auth) limits(opts *Options, f *faults) {
	if opts.Limits.Disabled {
		return
	}
	opts.Limits.configure(f)
	var err error
	if a.attempts, err = newAttempts(opts); err != nil {
		f.add("Limits: %w", err)
	}
}

// users checks what has to do with an Adapter. Without one it would have no
// effect, which nobody would notice.
func (a *Auth) users(opts *Options, f *faults) {
	if opts.Adapter != nil {
		if v := reflect.ValueOf(opts.Adapter); v.Kind() == reflect.Pointer && v.IsNil() {
			f.add("Adapter is a nil %T; leave it out, or write what its constructor returns", opts.Adapter)
		}
		return
	}
	if opts.Pages.NewUser != "" {
		f.add("Pages.NewUser needs an Adapter, which knows who is new; set Options.Adapter, for instance to gormadapter's")
	}
}

var providerID = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func (a *Auth) signIns(opts *Options, f *faults, routes bool) {
	if routes && len(opts.Providers) == 0 {
		f.add("Providers is empty; write for instance ginauth.Goth(github.New(id, secret, \"\")), or set GITHUB_ID and GITHUB_SECRET for providers.FromEnv, or call New to read sessions only")
	}
	for i, p := range opts.Providers {
		if p == nil {
			f.add("Providers[%d] is nil; leave it out", i)
			continue
		}
		made, err := p.configure(opts.HTTPClient)
		if made != nil && made.method != nil {
			err = errors.Join(err, made.method.check(opts))
		}
		switch {
		case err != nil && made != nil && made.id != "":
			f.add("provider %s: %w", made.id, err)
		case err != nil:
			f.add("Providers[%d]: %w", i, err)
		case !providerID.MatchString(made.id):
			f.add("Providers[%d] has the id %q; set its ID to letters, digits, dots and dashes", i, made.id)
		case made.oauth().answersByPost() && !a.takesFormPost(opts.BaseURL):
			f.add("provider %s answers by POST, with a cookie that browsers take over https only; write an https BaseURL, or ask for no scope that needs the POST", made.id)
		case a.provider(made.id) != nil:
			f.add("two providers have the id %q; set the ID of one of them", made.id)
		default:
			a.providers = append(a.providers, made)
		}
	}
}

// takesFormPost reports whether browsers store the cookie that an answer by POST
// needs, SameSite=None; Secure, as far as baseURL tells.
func (a *Auth) takesFormPost(baseURL string) bool {
	if baseURL == "" || a.site.hosts == nil {
		return true // each request will tell
	}
	base, err := a.site.hosts.Base(&http.Request{})
	return err != nil || base.Secure || base.Loopback()
}
