package tests

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// A nativeSite signs native applications in. What its JWT callback does can be changed.
type nativeSite struct {
	*app
	idp   *ginauthtest.Provider
	clock *mailClock
	jwt   atomic.Pointer[func(p ginauth.JWTParams) error]
}

func newNativeSite(t *testing.T, opts ginauth.Options) *nativeSite {
	t.Helper()
	s := &nativeSite{clock: &mailClock{}}
	s.idp = newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256", Now: s.clock.now})
	opts.Now = s.clock.now
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		if jwt := s.jwt.Load(); jwt != nil {
			return (*jwt)(p)
		}
		return nil
	}
	limiter := opts.Limits.Limiter
	opts = handing(opts, s.idp)
	if limiter != nil {
		opts.Limits.Limiter = limiter
	}
	s.app = newApp(t, opts)
	return s
}

// does sets what the JWT callback does from now on.
func (s *nativeSite) does(jwt func(p ginauth.JWTParams) error) { s.jwt.Store(&jwt) }

// renews asks for the renewal of a session.
func (s *nativeSite) renews(t *testing.T, token string) answer {
	t.Helper()
	return device{t, s.app}.post("/api/auth/session", struct{}{}, bearing(token)...)
}

// due lets a session be renewed at the next chance.
func (s *nativeSite) due() { s.clock.move(25 * time.Hour) }

// failed fails the test unless an answer says that the server has a fault, gives out nothing,
// and the log says what could not be done.
func (s *nativeSite) failed(t *testing.T, res answer, status int, doing, because string) {
	t.Helper()
	if res.StatusCode != status || !strings.Contains(res.body, "Its log says more") || strings.Contains(res.body, "sessionToken") || len(res.Cookies()) != 0 {
		t.Errorf("%s: answered %d %s %v", doing, res.StatusCode, res.body, res.Cookies())
	}
	if log := s.log.String(); !strings.Contains(log, `level=ERROR msg="ginauth: `+doing+` failed" error=`) || !strings.Contains(log, because) {
		t.Errorf("%s: the log says %s", doing, log)
	}
	s.log.forget()
}

// While the database is down nobody gets a nonce, and no nonce counts: with and without a
// browser.
func TestNative_NoncesWhileDatabaseDown(t *testing.T) {
	t.Parallel()
	db := newSeamAdapter()
	s := newNativeSite(t, ginauth.Options{Adapter: db})
	d, b := device{t, s.app}, page{s.browser(t)}
	token, _ := tokensFor(t, s.idp, "ada", d.nonce("idp"), nil)
	b.csrf() // the cookies that each answer would set
	db.down("CreateVerificationToken", "UseVerificationToken")
	s.failed(t, d.post("/api/auth/nonce/idp", struct{}{}), http.StatusServiceUnavailable, "making a nonce", "connection refused")
	s.failed(t, b.sent("/api/auth/nonce/idp", nil), http.StatusServiceUnavailable, "making a nonce", "connection refused")
	if res := d.hand("idp", map[string]any{"id_token": token}); res.StatusCode != http.StatusServiceUnavailable || res.body != `{"error":"SessionUnavailable"}` {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if log := s.log.String(); !strings.Contains(log, `step="counting the nonce"`) || !strings.Contains(log, "connection refused") {
		t.Errorf("the log says %s", log)
	}
	db.up("CreateVerificationToken", "UseVerificationToken")
	if res := d.hand("idp", map[string]any{"id_token": token}); !d.isIn(res) {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if res := d.hand("idp", map[string]any{"id_token": token}); d.isIn(res) {
		t.Error("a nonce counts twice")
	}
}

// Of the routes that are not for native applications they get what a browser gets.
func TestNative_OtherRoutes(t *testing.T) {
	t.Parallel()
	s := newNativeSite(t, ginauth.Options{Providers: []ginauth.Provider{members()}})
	d := device{t, s.app}
	token := d.signIn(s.idp, "ada")
	for path, location := range map[string]string{
		"/api/auth/signin/idp": "/api/auth/signin?csrf=true", "/api/auth/factor/idp": "/api/auth/factor?csrf=true",
		"/api/auth/callback/credentials": "/api/auth/signin?csrf=true", "/api/auth/signout": "/api/auth/signout?csrf=true",
	} {
		header := bearing(token)
		if path == "/api/auth/signout" {
			header = nil
		}
		res := d.post(path, map[string]any{"username": "ada", "password": adasPassword}, header...)
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != s.URL+location || setCookies(res)[csrfCookie] == nil || res.signedIn() {
			t.Errorf("%s answered %d to %q %s", path, res.StatusCode, got, res.body)
		}
	}
	if got := s.who(t, "", bearing(token)...); got != "ada@example.com" {
		t.Errorf("the bearer is %q", got)
	}
}

// A limiter that answers one wait for everything except nonces.
type waitingLimiter struct {
	ginauth.Limiter
	wait atomic.Int64
}

func (l *waitingLimiter) Allow(ctx context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	if wait := time.Duration(l.wait.Load()); wait > 0 && !strings.HasPrefix(key, "nonce:") {
		return wait, nil
	}
	return l.Limiter.Allow(ctx, key, rate)
}

// A native application that signs somebody in too often is told for how long to wait, however
// short that is.
func TestNative_TooOften(t *testing.T) {
	t.Parallel()
	limiter := &waitingLimiter{Limiter: newCounter(time.Now)}
	s := newNativeSite(t, ginauth.Options{Limits: ginauth.Limits{Limiter: limiter}})
	d := device{t, s.app}
	for wait, after := range map[time.Duration]string{time.Nanosecond: "1", 90 * time.Second: "90", 1500 * time.Millisecond: "2"} {
		token, _ := tokensFor(t, s.idp, "ada", d.nonce("idp"), nil)
		limiter.wait.Store(int64(wait))
		res := d.post("/api/auth/callback/idp", map[string]any{"id_token": token})
		limiter.wait.Store(0)
		if res.StatusCode != http.StatusTooManyRequests || res.body != `{"error":"RateLimited"}` || res.Header.Get("Retry-After") != after {
			t.Errorf("%v: answered %d %s, Retry-After %s", wait, res.StatusCode, res.body, res.Header.Get("Retry-After"))
		}
	}
	d.signIn(s.idp, "ada")
}

// A native session that cannot be read, sealed, kept or ended goes on: its application is not
// signed out, and gets no token that nothing could end.
func TestNative_RenewalFaults(t *testing.T) {
	t.Parallel()
	ends := func(ginauth.JWTParams) error { return ginauth.ErrSignedOut }
	t.Run("stored", func(t *testing.T) {
		t.Parallel()
		store := newSeamStore()
		s := newNativeSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
		d := device{t, s.app}
		token := d.signIn(s.idp, "ada")
		s.due()
		store.down("Get")
		s.failed(t, s.renews(t, token), http.StatusServiceUnavailable, "renewing a session", "connection refused")
		s.failed(t, d.post("/api/auth/signout", nil, bearing(token)...), http.StatusServiceUnavailable, "ending the session", "connection refused")
		store.up("Get")
		store.down("Update", "Delete")
		s.failed(t, s.renews(t, token), http.StatusServiceUnavailable, "renewing a session", "connection refused")
		s.failed(t, d.post("/api/auth/signout", nil, bearing(token)...), http.StatusServiceUnavailable, "ending the session", "connection refused")
		s.does(ends)
		s.failed(t, s.renews(t, token), http.StatusServiceUnavailable, "ending the session", "connection refused")
		s.does(unchanged)
		store.up("Update", "Delete")
		if res := s.renews(t, token); d.token(res) == "" {
			t.Errorf("answered %d %s", res.StatusCode, res.body)
		}
		s.does(ends)
		for range 2 {
			if res := s.renews(t, token); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
		}
	})
	t.Run("sealed", func(t *testing.T) {
		t.Parallel()
		revocations := newSeamRevocations()
		s := newNativeSite(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: revocations}})
		d := device{t, s.app}
		token := d.signIn(s.idp, "ada")
		s.due()
		s.does(func(p ginauth.JWTParams) error {
			p.Token.Claims["note"] = strings.Repeat("long ", 10_000)
			return nil
		})
		s.failed(t, s.renews(t, token), http.StatusInternalServerError, "renewing a session", "keep less in them")
		s.does(func(ginauth.JWTParams) error {
			revocations.down("RevokedAt") // while the callback runs
			return nil
		})
		s.failed(t, s.renews(t, token), http.StatusServiceUnavailable, "renewing a session", "connection refused")
		s.does(unchanged)
		revocations.up("RevokedAt")
		revocations.down("Revoke")
		s.failed(t, d.post("/api/auth/signout", nil, bearing(token)...), http.StatusServiceUnavailable, "ending the session", "connection refused")
		revocations.up("Revoke")
		s.due()
		s.does(func(p ginauth.JWTParams) error { return s.auth.RevokeUser(t.Context(), p.Token.Subject) })
		if res := s.renews(t, token); res.StatusCode != http.StatusUnauthorized || d.token(res) != "" {
			t.Errorf("revoked meanwhile: answered %d %s", res.StatusCode, res.body)
		}
		s.does(unchanged)
		if got := s.who(t, "", bearing(token)...); got != "" {
			t.Errorf("the bearer is %q", got)
		}
	})
}

// unchanged is a JWT callback that does nothing.
func unchanged(ginauth.JWTParams) error { return nil }

// Of two renewals at once the application gets the session that one of them made.
func TestNative_RenewedMeanwhile(t *testing.T) {
	t.Parallel()
	store := seamCompareStore{newSeamStore()}
	s := newNativeSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	d := device{t, s.app}
	token := d.signIn(s.idp, "ada")
	s.due()
	var other answer
	store.before("UpdateIf", func() error {
		store.up("UpdateIf")
		other = s.renews(t, token)
		return nil
	})
	res := s.renews(t, token)
	if d.token(res) == "" || d.token(res) != d.token(other) {
		t.Errorf("answered %d %s, and the other %d %s\n%s", res.StatusCode, res.body, other.StatusCode, other.body, s.log)
	}
	if got := s.who(t, "", bearing(d.token(res))...); got != "ada@example.com" {
		t.Errorf("the bearer is %q", got)
	}
	// And where it was ended meanwhile, none.
	s.due()
	store.before("UpdateIf", func() error {
		store.up("UpdateIf")
		other = d.post("/api/auth/signout", nil, bearing(token)...)
		return nil
	})
	if res := s.renews(t, token); res.StatusCode != http.StatusUnauthorized || other.StatusCode != http.StatusOK {
		t.Errorf("answered %d %s, and the sign-out %d %s", res.StatusCode, res.body, other.StatusCode, other.body)
	}
}

// A service without logout tokens ends no session, and its sessions keep nothing for that.
func TestBackchannel_PlainService(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	opts := viaGitHub.options(t, idp)
	opts.Session.Revocations = ginauth.MemoryRevocations()
	a := newApp(t, opts)
	b := a.browser(t)
	b.signIn(idp, "github")
	if kept := opened(t, forSession, b.cookie(sessionCookie))["ginauth"]; kept != nil {
		t.Errorf("the session keeps %v", kept)
	}
	res := a.send(t, http.MethodPost, "/api/auth/backchannel-logout/github", "logout_token=a.b.c", "Content-Type", "application/x-www-form-urlencoded")
	if res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, "is not supported") {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}
