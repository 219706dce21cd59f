package ginauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	"github.com/ginauth/ginauth/internal/refusal"
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
	defaultPrefix     = "next-auth"
	defaultPrefixV5   = "authjs"
	minSecret         = 32 // bytes
	maxCookiePrefix   = 64 // bytes

	// rememberedCallbacks bounds the results kept for callbacks that come twice.
	rememberedCallbacks = 1024
)

// faults collects what is wrong with a configuration.
type faults []error

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Errorf("ginauth: "+format, args...))
}

// addAll adds each of the faults that err joins, and nothing for nil. Each names the
// option.
func (f *faults) addAll(option string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
	case ok && errors.Join(joined.Unwrap()...).Error() == err.Error(): // and no sentence with several causes
		for _, err := range joined.Unwrap() {
			f.addAll(option, err)
		}
	default:
		f.add("%s: %w", option, err)
	}
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
	if age := opts.Session.AbsoluteMaxAge; age != 0 && age < time.Second {
		f.add("Session.AbsoluteMaxAge is %v; write a second or more, such as 12*time.Hour, or leave it out", age)
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
			f.addAll("Session.Store", err)
		}
	}
	storeCalls := newStoreCalls(opts.Session.Store)
	closed, closeStreams := context.WithCancel(context.Background())
	a := &Auth{
		release:  release,
		debug:    gin.Mode() == gin.DebugMode,
		refusals: refusal.NewLog(opts.Logger, opts.Now),
		calls:    calls{store: storeCalls, adapter: newAdapterCalls(), mail: bulkhead.New(mailTimeout, errUnavailable)},
		ending:   ending{streams: stream.New(), closed: closed, close: closeStreams},
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
	a.signIns(&opts, &f, routes)
	a.look(&opts, &f)
	a.limits(&opts, &f)
	a.users(&opts, &f)
	a.configureFactors(&opts, &f)
	if err := errors.Join(f...); err != nil {
		return nil, err
	}
	if made {
		opts.Logger.Warn("ginauth: no Secret and no NEXTAUTH_SECRET: using a random one, so that sessions end with this process")
	}
	a.opts = opts
	a.doubts()
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

// firstEnv is the first of these variables that is set, and its name.
func firstEnv(names ...string) (value, name string) {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

// secrets makes what seals, and reports whether the secret is made up. needed
// says that it may not be: in release mode, and where sessions of another app
// are read.
func (a *Auth) secrets(opts *Options, f *faults, needed bool) (made bool) {
	if opts.Secret == "" {
		opts.Secret, _ = firstEnv("NEXTAUTH_SECRET", "AUTH_SECRET")
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
	if a.keys.notes, err = token.V4.Keyring("ginauth.notes."+opts.Cookies.Prefix, all...); err != nil {
		f.add("%w", err)
	}
	// To have signed in here says nothing at another Auth with the same secret.
	if a.keys.device, err = token.V4.Keyring("ginauth.device."+opts.Cookies.Prefix, all...); err != nil {
		f.add("%w", err)
	}
	// Nor does what a session proved.
	if a.keys.factors, err = token.NewDigest("ginauth.factors."+opts.Cookies.Prefix, all...); err != nil {
		f.add("%w", err)
	}
	if a.keys.nonce, err = token.NewDigest("ginauth.nonce."+opts.Cookies.Prefix, all...); err != nil {
		f.add("%w", err)
	}
	a.keys.csrf = token.NewCSRF(all...)
	return made
}

// location settles the site's base URL and the path of the routes. group is the path
// of the router.
func (a *Auth) location(opts *Options, f *faults, group string, release bool) {
	at := origin.Layout{Option: "BaseURL", Group: strings.TrimSuffix(group, "/"), BasePath: opts.BasePath}
	if opts.BaseURL == "" {
		if opts.BaseURL, at.Option = firstEnv("NEXTAUTH_URL", "AUTH_URL"); opts.BaseURL != "" && !strings.Contains(opts.BaseURL, "://") {
			opts.BaseURL = "https://" + opts.BaseURL
		}
	}
	if opts.BaseURL != "" {
		var err error
		if at.Base, err = origin.Parse(opts.BaseURL); err != nil {
			f.add("%s: %w; write for instance https://app.example.com", at.Option, err)
			return
		}
		at.Base.Rest = strings.TrimSuffix(at.Base.Rest, "/")
		opts.BaseURL = at.Base.String()
	}
	place, err := at.Place()
	if err != nil {
		f.add("%w", err)
		return
	}
	a.site.publicURL, a.site.mountPath, a.site.mapped = place.Public, place.Mount, place.Mapped
	a.client = newClientModule(a.site.publicURL)
	if opts.BaseURL != "" {
		a.site.option = at.Option
	}
	if opts.Pages.TrustForwardedPrefix && len(opts.TrustedProxies) == 0 {
		f.add("Pages.TrustForwardedPrefix needs TrustedProxies, whose X-Forwarded-Prefix is believed; write them, or leave it out")
	}
	if opts.Pages.TrustForwardedPrefix && at.Base.Rest != "" {
		f.add("Pages.TrustForwardedPrefix is set, and %s has the path %s, by which the prefix is known; leave one of them out", at.Option, at.Base.Rest)
	}
	for _, err := range origin.CheckProxies(opts.TrustedProxies) {
		f.add("TrustedProxies has %w", err)
	}
	trustAny := false
	if env := os.Getenv("AUTH_TRUST_HOST"); env != "" && opts.BaseURL == "" && len(opts.TrustedHosts) == 0 {
		if trustAny, err = strconv.ParseBool(env); err != nil {
			f.add("AUTH_TRUST_HOST is %q; write true or false", env)
		}
	}
	unset := opts.BaseURL == "" && len(opts.TrustedHosts) == 0 && !trustAny
	a.site.local = unset
	if unset && release {
		f.add("BaseURL is empty; write the site's address into NEXTAUTH_URL, for instance https://app.example.com, or set TrustedHosts")
	}
	a.site.hosts, err = origin.New(origin.Config{
		BaseURL: opts.BaseURL, Path: place.Public, Prefix: place.Prefix, TrustedHosts: opts.TrustedHosts,
		TrustAnyHost: trustAny, TrustLoopback: unset, TrustedProxies: opts.TrustedProxies, TrustPrefix: opts.Pages.TrustForwardedPrefix,
	})
	if err != nil {
		f.add("TrustedHosts: %w", err)
	}
}

func (a *Auth) origins(opts *Options, f *faults) {
	var errs []error
	if a.site.trusted, errs = origin.NewSet(opts.TrustedOrigins); errs != nil {
		for _, err := range errs {
			f.add("TrustedOrigins: %w; write for instance https://admin.example.com", err)
		}
	}
	if a.site.allowed, errs = origin.NewSet(opts.AllowedRedirects); errs != nil {
		for _, err := range errs {
			f.add("AllowedRedirects: %w; write for instance https://www.example.com", err)
		}
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
	if n := len(opts.Cookies.Prefix); n > maxCookiePrefix { // with the longest value it would pass the 4096 bytes that browsers keep
		f.add("Cookies.Prefix has %d characters; write at most %d, since browsers keep no cookie of more than 4 KB", n, maxCookiePrefix)
	}
	a.namespace = sessionstrategy.NewNamespace(opts.Cookies.Prefix, defaultPrefix)
	if d := opts.Cookies.Domain; d != "" {
		// Browsers compare it in ASCII and drop a dot in front (RFC 6265 §5.2.3).
		host, err := origin.Host(strings.TrimPrefix(d, "."))
		if err != nil || !domainName.MatchString(host) {
			f.add("Cookies.Domain is %q; write for instance example.com", d)
		} else if base := a.fixedBase(opts.BaseURL); base != nil && !base.TakesCookieFor(host) {
			f.add("Cookies.Domain is %s, and browsers take no cookie for it from %s; write %s", host, base.Origin, takenDomains(*base))
		}
		opts.Cookies.Domain = host
	}
	if s := opts.Cookies.SameSite; s < 0 || s > http.SameSiteNoneMode {
		f.add("Cookies.SameSite is %d; write http.SameSiteLaxMode, http.SameSiteStrictMode or http.SameSiteNoneMode", s)
	}
	if opts.Cookies.SameSite == http.SameSiteNoneMode && !strings.HasPrefix(opts.BaseURL, "https://") {
		f.add("Cookies.SameSite is None, which browsers take over https only; write an https BaseURL")
	}
	if opts.Cookies.Partitioned && opts.Cookies.SameSite != http.SameSiteNoneMode {
		f.add("Cookies.Partitioned needs Cookies.SameSite to be http.SameSiteNoneMode, since browsers send no other cookie from a frame of another site; set it too, with an https BaseURL")
	}
	a.http.names = cookie.NewNames(opts.Cookies.Prefix, false)
	a.https.names = cookie.NewNames(opts.Cookies.Prefix, true)
}

// takenDomains are what Cookies.Domain may be on a site, in words.
func takenDomains(base origin.Base) string {
	if domains := base.Domains(); len(domains) > 0 {
		return domains[len(domains)-1] + ", or leave it out"
	}
	return "nothing: leave it out"
}

func (a *Auth) limits(opts *Options, f *faults) {
	if opts.Limits.Limiter != nil {
		a.calls.limiter = bulkhead.New(storeTimeout, limiterFault{})
	}
	if opts.Limits.Disabled {
		return
	}
	opts.Limits.configure(f)
	var err error
	if a.attempts, err = newAttempts(opts); err != nil {
		f.addAll("Limits", err)
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
	if routes && len(opts.Providers) == 0 && opts.Factors.Passkeys == nil {
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
			f.addAll("provider "+made.id, err)
		case err != nil:
			f.addAll(fmt.Sprintf("Providers[%d]", i), err)
		case !providerID.MatchString(made.id):
			f.add("Providers[%d] has the id %q; set its ID to letters, digits, dots and dashes", i, made.id)
		case made.oauth().answersByPost() && !a.takesFormPost(opts.BaseURL):
			f.add("provider %s answers by POST, with a cookie that browsers take over https only; write an https BaseURL, or ask for no scope that needs the POST", made.id)
		case made.id == appID:
			f.add("Providers[%d] has the id %q, which Auth.SignIn has in its accounts; set another ID", i, made.id)
		case a.provider(made.id) != nil:
			f.add("two providers have the id %q; set the ID of one of them", made.id)
		default:
			a.providers = append(a.providers, made)
		}
	}
	if opts.Factors.Passkeys != nil {
		a.passkeyProvider(opts, f)
	}
}

// takesFormPost reports whether browsers store the cookie that an answer by POST
// needs, SameSite=None; Secure. It is true if baseURL does not tell.
func (a *Auth) takesFormPost(baseURL string) bool {
	base := a.fixedBase(baseURL)
	return base == nil || base.Secure || base.Loopback()
}

// fixedBase is the site's address where BaseURL says it; nil: each request will tell.
func (a *Auth) fixedBase(baseURL string) *origin.Base {
	if baseURL == "" || a.site.hosts == nil {
		return nil
	}
	base, err := a.site.hosts.Base(&http.Request{})
	if err != nil {
		return nil
	}
	return &base
}
