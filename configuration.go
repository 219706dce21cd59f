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
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/limit"
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

// addAll adds each of the faults that err joins. Each names the
// option.
func (f *faults) addAll(option string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() { // a sentence with several causes
		f.add("%s: %w", option, err)
		return
	}
	for _, err := range joined.Unwrap() {
		f.addAll(option, err)
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
	a.locate(&opts, &f, prefix)
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
			return
		}
		opts.Secret, made = token.Random(), true
	}
	if len(opts.Secret) < minSecret && !opts.DangerousShortSecret {
		f.add("Secret has %d bytes; write %d random bytes or more, for instance what `openssl rand -base64 32` prints", len(opts.Secret), minSecret)
		return
	}
	all := append([]string{opts.Secret}, opts.PreviousSecrets...)
	successors := sessionstrategy.NewSuccessors()
	var errs []error // there is none without an empty secret
	for _, scheme := range [...]*schemeKeys{&a.http, &a.https} {
		salt, format := "", token.V4
		switch {
		case opts.Session.Format == AuthJSV5:
			salt, format = scheme.names.Session, token.V5
		case opts.Cookies.Prefix != defaultPrefix: // a session of one Auth is none of another's
			salt = scheme.names.Session
		}
		ring, err := format.Keyring(salt, all...)
		errs = append(errs, err)
		scheme.sessions = sessionstrategy.InCookie(ring, successors, sessionErrors())
		if opts.Session.Store != nil {
			scheme.sessions = sessionstrategy.InStore(opts.Session.Store, a.calls.store, a.shared.locks, a.namespace, sessionErrors())
		}
	}
	var err error
	a.keys.signIn, err = transaction.NewKeys(all...)
	errs = append(errs, err)
	// Each purpose has a key of its own. Most have another in each Auth: what one proved or
	// remembers says nothing at another one with the same secret.
	for _, k := range [...]struct {
		ring    **token.Keyring
		purpose string
	}{
		{&a.keys.mail, "ginauth.mail"},
		{&a.keys.notes, "ginauth.notes." + opts.Cookies.Prefix},
		{&a.keys.device, "ginauth.device." + opts.Cookies.Prefix},
	} {
		*k.ring, err = token.V4.Keyring(k.purpose, all...)
		errs = append(errs, err)
	}
	for _, k := range [...]struct {
		digest  **token.Digest
		purpose string
	}{
		{&a.keys.verification, "ginauth.mail"},
		{&a.keys.factors, "ginauth.factors." + opts.Cookies.Prefix},
		{&a.keys.nonce, "ginauth.nonce." + opts.Cookies.Prefix},
	} {
		*k.digest, err = token.NewDigest(k.purpose, all...)
		errs = append(errs, err)
	}
	if errors.Join(errs...) != nil {
		f.add("PreviousSecrets holds an empty secret; leave it out")
		return made
	}
	a.keys.csrf = token.NewCSRF(all...)
	return made
}

// locate settles where the site is. group is the path of the router.
func (a *Auth) locate(opts *Options, f *faults, group string) {
	option := "BaseURL"
	if opts.BaseURL == "" {
		if opts.BaseURL, option = firstEnv("NEXTAUTH_URL", "AUTH_URL"); opts.BaseURL != "" && !strings.Contains(opts.BaseURL, "://") {
			opts.BaseURL = "https://" + opts.BaseURL
		}
	}
	var errs []error
	a.site, errs = site.New(site.Config{
		BaseURL: opts.BaseURL, Option: option, Group: group, BasePath: opts.BasePath, Release: a.release,
		TrustedHosts: opts.TrustedHosts, TrustedProxies: opts.TrustedProxies, TrustAnyHost: os.Getenv("AUTH_TRUST_HOST"),
		TrustedOrigins: opts.TrustedOrigins, AllowedRedirects: opts.AllowedRedirects, TrustPrefix: opts.Pages.TrustForwardedPrefix,
	})
	for _, err := range errs {
		f.add("%w", err)
	}
	opts.BaseURL = a.site.BaseURL
	a.client = pages.ClientModule(clientSource, a.site.PublicURL)
}

var cookieToken = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

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
		host, err := a.site.CookieDomain(d)
		if err != nil {
			f.add("%w", err)
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
		err = errors.Join(err, made.method.check(opts))
		switch {
		case err != nil && made.id != "":
			f.addAll("provider "+made.id, err)
		case err != nil:
			f.addAll(fmt.Sprintf("Providers[%d]", i), err)
		case !providerID.MatchString(made.id):
			f.add("Providers[%d] has the id %q; set its ID to letters, digits, dots and dashes", i, made.id)
		case made.oauth().answersByPost() && !a.site.TakesFormPost():
			f.add("provider %s answers by POST, with a cookie that browsers take over https only; write an https BaseURL, or ask for no scope that needs the POST", made.id)
		case made.id == appID:
			f.add("Providers[%d] has the id %q, which Auth.SignIn has in its accounts; set another ID", i, made.id)
		case a.provider(made.id) != nil:
			f.add("two providers have the id %q; write one of them as ginauth.OAuth, Email or Credentials with an ID of its own", made.id)
		default:
			a.providers = append(a.providers, made)
		}
	}
	if opts.Factors.Passkeys != nil {
		a.passkeyProvider(opts, f)
	}
}

// announce says at the start what an operator must enter elsewhere.
func (a *Auth) announce() {
	sites := a.site.Hosts.Sites()
	if gin.IsDebugging() {
		a.opts.Logger.Info("ginauth: the site's auth routes", "at", sites)
	}
	a.site.Announce(a.opts.Logger)
	for _, p := range a.providers {
		if p.oauth() != nil {
			a.opts.Logger.Info("ginauth: register the callback URL with the provider", "provider", p.id, "callback_url", callbackURLs(sites, p.id))
		}
	}
}

// doubts tells the log what is likely to be a mistake, though it may work.
func (a *Auth) doubts() {
	log, opts := a.opts.Logger, &a.opts
	a.site.Doubts(log)
	for _, p := range a.providers {
		p.method.doubts(log, opts, p.id, a.site.Hosts.Sites())
	}
}
