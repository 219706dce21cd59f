package tests

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginauth/ginauth"
)

// FuzzGinHandle sends what a browser may to a store of gin-contrib/sessions:
// whatever it is, it leads to one session or to none.
func FuzzGinHandle(f *testing.F) {
	store := ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
	handle, err := store.Create(context.Background(), "u-ada", []byte(`{"sub":"ada"}`), time.Now().Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "x", handle[:40], handle + "=", "a; ginauth=b", `"`, "\x00\r\n", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data, err := store.Get(t.Context(), s)
		if (err != nil || string(data) != `{"sub":"ada"}`) && (!errors.Is(err, ginauth.ErrNotFound) || len(data) > 0) {
			t.Errorf("%q: %q %v", s, data, err)
		}
		if err := store.Delete(t.Context(), s+"x"); err != nil {
			t.Errorf("deleting %q: %v", s, err)
		}
	})
}

// stuck is a driver whose server has gone and that waits for ever, as those
// without a deadline do.
type stuck struct {
	memstore.Store
	waiting atomic.Int32
	gone    chan struct{}
}

func (s *stuck) New(*http.Request, string) (*gorilla.Session, error) {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	<-s.gone
	panic("the connection is nil")
}

// A driver that waits for ever keeps a bounded number of goroutines, and one that
// panics in the end takes the process with it no more than before.
func TestAttack48_DriverHangsForEver(t *testing.T) {
	t.Parallel()
	const calls = 512
	s := &stuck{Store: memstore.NewStore([]byte(testSecret)), gone: make(chan struct{})}
	auth, err := ginauth.New(ginauth.Options{
		Secret: testSecret, BaseURL: "http://app.example.com",
		Session: ginauth.SessionOptions{Store: unchecked{ginauth.GinStore(s)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.GET("/", auth.RequireSession(), func(*gin.Context) { t.Error("somebody passed") })
	answers := make(chan int)
	for range calls + 100 {
		go func() {
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.Header.Set("Cookie", sessionCookie+"=x")
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			answers <- w.Code
		}()
	}
	for range calls + 100 {
		if status := <-answers; status != http.StatusServiceUnavailable {
			t.Errorf("answered %d", status)
		}
	}
	if n := s.waiting.Load(); n != calls {
		t.Errorf("%d calls wait", n)
	}
	close(s.gone)
}

// forgetful is a driver that deletes nothing, as some do: what it is told to delete
// it keeps.
type forgetful struct{ memstore.Store }

func (s forgetful) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	if session.Options.MaxAge < 0 {
		return nil
	}
	return s.Store.Save(r, w, session)
}

// A session that was ended stays so where the driver kept its record.
func TestGinStore_Tombstone(t *testing.T) {
	t.Parallel()
	store := ginauth.GinStore(forgetful{memstore.NewStore([]byte(testSecret))})
	handle, err := store.Create(t.Context(), "u-ada", []byte(`{"sub":"ada"}`), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	if data, err := store.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("it is still there: %s %v", data, err)
	}
	if _, err := store.Update(t.Context(), handle, []byte(`{}`), time.Now().Add(time.Hour)); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("it is updated: %v", err)
	}
}

// unchecked hides what GinStore asks the driver at New.
type unchecked struct{ ginauth.SessionStore }

// unsaving is a driver whose server goes down after a session was made.
type unsaving struct {
	memstore.Store
	down *atomic.Bool
}

func (s unsaving) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	if s.down.Load() {
		return errors.New("the server is down")
	}
	return s.Store.Save(r, w, session)
}

// A session that could not be ended is not reported as ended.
func TestGinStore_DeleteFails(t *testing.T) {
	t.Parallel()
	driver := unsaving{memstore.NewStore([]byte(testSecret)), new(atomic.Bool)}
	store := ginauth.GinStore(driver)
	handle, err := store.Create(t.Context(), "u-ada", []byte(`{"sub":"ada"}`), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	driver.down.Store(true)
	if err := store.Delete(t.Context(), handle); err == nil || errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("it was deleted: %v", err)
	}
	driver.down.Store(false)
	if data, err := store.Get(t.Context(), handle); err != nil || string(data) != `{"sub":"ada"}` {
		t.Errorf("%s, %v", data, err)
	}
	if err := store.Delete(t.Context(), handle); err != nil {
		t.Error(err)
	}
}
