package tests

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A postedSite is on https, with a provider that answers by POST.
type postedSite struct {
	*httptest.Server
	t    testing.TB
	auth *ginauth.Auth
	idp  *ginauthtest.Provider
	log  *logBuffer
}

func newPostedSite(t testing.TB, opts ginauth.Options) *postedSite {
	t.Helper()
	s := &postedSite{t: t, idp: newIDP(t, ginauthtest.Config{People: crowd()}), log: &logBuffer{}}
	opts.Secret, opts.Logger = testSecret, s.log.logger()
	opts.Providers = append(opts.Providers, ginauth.OAuth{Provider: local(s.idp, "posted").With(func(c *oidc.Config) { c.ResponseMode = "form_post" })})
	engine := gin.New()
	var err error
	if s.auth, err = ginauth.Register(engine, opts); err != nil {
		t.Fatal(err)
	}
	s.log.forget()
	s.Server = httptest.NewTLSServer(engine)
	t.Cleanup(s.Close)
	return s
}

func (s *postedSite) browser() *siteBrowser {
	return &siteBrowser{s.t, s.Server, map[string]*http.Cookie{}}
}

// answers takes the provider's answer for a person.
func (s *postedSite) answers(b *siteBrowser, authURL, subject string) answer {
	s.t.Helper()
	post, err := s.idp.ApprovePost(s.t.Context(), authURL, subject)
	if err != nil {
		s.t.Fatal(err)
	}
	return b.do(post, true)
}

// signedInBefore is a browser in which Ada is signed in, and where it is sent to sign in
// once more.
func (s *postedSite) signedInBefore() (b *siteBrowser, authURL, former string) {
	s.t.Helper()
	b = s.browser()
	if res := s.answers(b, b.begin("posted", "/"), "ada"); !res.signedInTLS() {
		s.t.Fatalf("answered %d, leads to %s\n%s", res.StatusCode, res.Header.Get("Location"), s.log)
	}
	return b, b.begin("posted", "/"), b.cookies["__Secure-"+sessionCookie].Value
}

// alive reports whether a session cookie signs anybody in.
func (s *postedSite) alive(value string) bool {
	s.t.Helper()
	b := s.browser()
	b.cookies["__Secure-"+sessionCookie] = &http.Cookie{Name: "__Secure-" + sessionCookie, Value: value, SameSite: http.SameSiteLaxMode, Secure: true}
	email, _ := b.user()
	return email != ""
}

// With an answer by POST no session comes along. The one of before ends all the same, by
// what the sign-in's own cookie keeps of it; where it cannot be ended the sign-in goes on,
// and the log says so without the handle.
func TestCallback_FormerSessionAtAPost(t *testing.T) {
	t.Parallel()
	const kept = "the session before this sign-in was not deleted"
	for name, row := range map[string]struct {
		meanwhile func(s *postedSite, store *seamStore, revocations *seamRevocations, former string) // between the two
		sealed    bool
		outlives  bool
		says      string
	}{
		"in a store": {},
		"sealed":     {sealed: true},
		"it was ended meanwhile": {meanwhile: func(s *postedSite, store *seamStore, _ *seamRevocations, former string) {
			if err := store.SessionStore.Delete(s.t.Context(), mustUnescape(s.t, former)); err != nil {
				s.t.Fatal(err)
			}
		}},
		"it cannot be read": {meanwhile: func(_ *postedSite, store *seamStore, _ *seamRevocations, _ string) { store.down("Get") }, outlives: true, says: "connection refused"},
		"it cannot be deleted": {
			meanwhile: func(_ *postedSite, store *seamStore, _ *seamRevocations, _ string) { store.down("Delete") }, outlives: true, says: "connection refused",
		},
		"it cannot be revoked": {
			meanwhile: func(_ *postedSite, _ *seamStore, revocations *seamRevocations, _ string) { revocations.down("Revoke") }, sealed: true, outlives: true, says: "connection refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, revocations := newSeamStore(), newSeamRevocations()
			store.SessionStore = newLengthyStore(32)
			opts := ginauth.Options{Session: ginauth.SessionOptions{Store: store}}
			if row.sealed {
				opts.Session.Store, opts.Session.Revocations = nil, revocations
			}
			s := newPostedSite(t, opts)
			b, authURL, former := s.signedInBefore()
			if row.meanwhile != nil {
				row.meanwhile(s, store, revocations, former)
			}
			res := s.answers(b, authURL, "grace")
			store.up("Get", "Delete")
			if email, _ := b.user(); !res.signedInTLS() || email != "grace@example.com" {
				t.Fatalf("answered %d to %s, signed in %q\n%s", res.StatusCode, res.Header.Get("Location"), email, s.log)
			}
			log := s.log.String()
			if strings.Contains(log, kept) != (row.says != "") || !strings.Contains(log, row.says) || strings.Contains(log, mustUnescape(t, former)) {
				t.Errorf("the log says %s", log)
			}
			if got := s.alive(former); got != row.outlives {
				t.Errorf("the session before is alive: %t", got)
			}
		})
	}
}

func mustUnescape(t testing.TB, text string) string {
	t.Helper()
	plain, err := url.PathUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// A lengthyStore has handles of one length.
type lengthyStore struct {
	ginauth.SessionStore
	length int
	mu     sync.Mutex
	of     map[string]string
}

func newLengthyStore(length int) *lengthyStore {
	return &lengthyStore{SessionStore: memoryStore(), length: length, of: map[string]string{}}
}

func (s *lengthyStore) inner(handle string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[handle]
}

func (s *lengthyStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	inner, err := s.SessionStore.Create(ctx, userID, data, expires)
	s.mu.Lock()
	defer s.mu.Unlock()
	handle := strings.Repeat("h", s.length-1) + string('a'+rune(len(s.of)))
	s.of[handle] = inner
	return handle, err
}

func (s *lengthyStore) Get(ctx context.Context, handle string) ([]byte, error) {
	return s.SessionStore.Get(ctx, s.inner(handle))
}

func (s *lengthyStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	_, err := s.SessionStore.Update(ctx, s.inner(handle), data, expires)
	return handle, err
}

func (s *lengthyStore) Delete(ctx context.Context, handle string) error {
	return s.SessionStore.Delete(ctx, s.inner(handle))
}

// A sign-in's cookie keeps a handle of at most 64 bytes: with a longer one the session
// before goes on, and the sign-in works as ever.
func TestCallback_LongFormerHandle(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		length int
		ends   bool
	}{{63, true}, {64, true}, {65, false}} {
		s := newPostedSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: newLengthyStore(row.length)}})
		b, authURL, former := s.signedInBefore()
		if res := s.answers(b, authURL, "grace"); !res.signedInTLS() {
			t.Fatalf("%d bytes: answered %d to %s\n%s", row.length, res.StatusCode, res.Header.Get("Location"), s.log)
		}
		if got := s.alive(former); got == row.ends {
			t.Errorf("%d bytes: the session before is alive: %t", row.length, got)
		}
	}
}
