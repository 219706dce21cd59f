package ginstore_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginauth/ginauth/internal/ginstore"
)

// A careful driver looks at all that comes to it, and keeps sessions under their handles.
type careful struct {
	t    *testing.T
	mu   sync.Mutex
	kept map[string]any

	fault error // of Save
}

func (d *careful) Options(sessions.Options) {}

func (d *careful) Get(r *http.Request, name string) (*gorilla.Session, error) { return d.New(r, name) }

func (d *careful) New(r *http.Request, name string) (*gorilla.Session, error) {
	if name != "ginauth" || r.Method != http.MethodGet || r.Host != "localhost" || r.URL.Path != "/" || len(r.Cookies()) > 1 {
		d.t.Errorf("asked for %q with %s %v of %q", name, r.Method, r.URL, r.Host)
	}
	s := gorilla.NewSession(d, name)
	s.IsNew = true
	if c, err := r.Cookie("ginauth"); err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if value, ok := d.kept[c.Value]; ok {
			s.ID, s.IsNew, s.Values = c.Value, false, map[any]any{"token": value}
		}
	}
	return s, nil
}

func (d *careful) Save(_ *http.Request, w http.ResponseWriter, s *gorilla.Session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return d.fault
	}
	if s.IsNew != (s.ID == "") || s.Options.Path != "/" || len(s.Values) != 1 {
		d.t.Errorf("saves %q, new: %v, at %q: %v", s.ID, s.IsNew, s.Options.Path, s.Values)
	}
	if s.Options.MaxAge < 0 {
		delete(d.kept, s.ID)
		return nil
	}
	if s.ID == "" {
		s.ID = "h" + strconv.Itoa(len(d.kept))
	}
	d.kept[s.ID] = s.Values["token"]
	w.WriteHeader(http.StatusOK)
	if n, err := w.Write([]byte("a body")); n != 6 || err != nil {
		d.t.Errorf("%d bytes are written: %v", n, err)
	}
	http.SetCookie(w, &http.Cookie{Name: "ginauth", Value: s.ID})
	return nil
}

// A driver gets what a browser would send, for however many sessions; each can be read,
// updated again and again, and deleted.
func TestStore_ManySessions(t *testing.T) {
	t.Parallel()
	d := &careful{t: t, kept: map[string]any{}}
	s := ginstore.New(d, errNone)
	if err := s.Validate(time.Hour); err != nil {
		t.Fatal(err)
	}
	ctx, expires := t.Context(), time.Now().Add(time.Hour)
	for i := range 1000 {
		handle, err := s.Create(ctx, "ada", []byte("first"), expires)
		if err != nil || handle != "h"+strconv.Itoa(i) {
			t.Fatal(handle, err)
		}
		for _, data := range []string{"second", "third"} {
			if again, err := s.Update(ctx, handle, []byte(data), expires); err != nil || again != handle {
				t.Fatal(again, err)
			}
			if got, err := s.Get(ctx, handle); err != nil || string(got) != data {
				t.Fatalf("%q, %v", got, err)
			}
		}
	}
	if err := s.Delete(ctx, "h7"); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, "h7"); !errors.Is(err, errNone) {
		t.Errorf("it is there: %v", err)
	}
	if err := s.Delete(ctx, "h7"); err != nil {
		t.Errorf("it cannot be deleted twice: %v", err)
	}
	if _, err := s.Update(ctx, "h7", []byte("x"), expires); !errors.Is(err, errNone) {
		t.Errorf("it came back: %v", err)
	}
	d.fault = errors.New("connection refused")
	if _, err := s.Update(ctx, "h8", []byte("x"), expires); !errors.Is(err, d.fault) {
		t.Errorf("updated: %v", err)
	}
	if err := s.Delete(ctx, "h8"); !errors.Is(err, d.fault) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := s.Create(ctx, "ada", []byte("x"), expires); !errors.Is(err, d.fault) {
		t.Errorf("created: %v", err)
	}
}

// What net/http cannot make a request of is an error, and no panic.
func TestStore_NoContext(t *testing.T) {
	t.Parallel()
	s := ginstore.New(&careful{t: t, kept: map[string]any{"h": "x"}}, errNone)
	var none context.Context
	if _, err := s.Create(none, "ada", []byte("x"), time.Now()); err == nil {
		t.Error("created")
	}
	if _, err := s.Get(none, "h"); err == nil {
		t.Error("read")
	}
	if _, err := s.Update(none, "h", []byte("x"), time.Now()); err == nil {
		t.Error("updated")
	}
	if err := s.Delete(none, "h"); err == nil {
		t.Error("deleted")
	}
}

// Of a store whose cookies cannot be looked into, nothing is known, and nothing is refused.
func TestValidate_Unknown(t *testing.T) {
	t.Parallel()
	short := securecookie.New([]byte("0123456789abcdef0123456789abcdef"), nil).MaxAge(60)
	for name, row := range map[string]struct {
		driver *driver
		fault  string
	}{
		"one that panics":       {&driver{}, ""}, // it has no session to give
		"a short age":           {&driver{session: kept(""), Codecs: []securecookie.Codec{short}}, "good for 1m0s"},
		"the shortest of two":   {&driver{session: kept(""), Codecs: []securecookie.Codec{securecookie.New([]byte("k"), nil), short}}, "good for 1m0s"},
		"as long as a session":  {&driver{session: kept(""), Codecs: []securecookie.Codec{securecookie.New([]byte("k"), nil).MaxAge(3600)}}, ""},
		"a second too short":    {&driver{session: kept(""), Codecs: []securecookie.Codec{securecookie.New([]byte("k"), nil).MaxAge(3599)}}, "good for 59m59s"},
		"cookies without end":   {&driver{session: kept(""), Codecs: []securecookie.Codec{securecookie.New([]byte("k"), nil).MaxAge(0)}}, ""},
		"one codec that panics": {&driver{session: kept(""), Codecs: []securecookie.Codec{short, (*securecookie.SecureCookie)(nil)}}, ""},
	} {
		err := ginstore.New(row.driver, errNone).Validate(time.Hour)
		if row.fault == "" && err != nil || row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
