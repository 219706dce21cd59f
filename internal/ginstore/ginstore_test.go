package ginstore_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginauth/ginauth/internal/ginstore"
)

var errNone = errors.New("there is none")

// A driver answers as a test says.
type driver struct {
	Codecs []securecookie.Codec

	session func() (*gorilla.Session, error)
	save    func(w http.ResponseWriter, s *gorilla.Session) error
	asked   []string // the handles that came
}

func (d *driver) Options(sessions.Options) {}

func (d *driver) Get(r *http.Request, name string) (*gorilla.Session, error) { return d.New(r, name) }

func (d *driver) New(r *http.Request, name string) (*gorilla.Session, error) {
	if c, err := r.Cookie(name); err == nil {
		d.asked = append(d.asked, c.Value)
	}
	return d.session()
}

func (d *driver) Save(_ *http.Request, w http.ResponseWriter, s *gorilla.Session) error {
	return d.save(w, s)
}

// kept is a session that a driver has found.
func kept(value any) func() (*gorilla.Session, error) {
	return func() (*gorilla.Session, error) {
		s := gorilla.NewSession(nil, "ginauth")
		s.ID, s.Values = "id", map[any]any{"token": value}
		return s, nil
	}
}

// gives sets cookies.
func gives(cookies ...string) func(http.ResponseWriter, *gorilla.Session) error {
	return func(w http.ResponseWriter, s *gorilla.Session) error {
		s.ID = "id"
		for _, c := range cookies {
			w.Header().Add("Set-Cookie", c)
		}
		_, err := w.Write([]byte("drivers write nothing, and may"))
		return err
	}
}

// A broken handle, a broken record and an absent one are all none; everything else is a
// fault of the store.
func TestGet(t *testing.T) {
	t.Parallel()
	codec := securecookie.New([]byte("0123456789abcdef0123456789abcdef"), nil)
	forged := codec.Decode("ginauth", "forged", new(string))
	unready := securecookie.New(nil, nil).Decode("ginauth", "x", new(string)) // it has no key
	if forged == nil || unready == nil {
		t.Fatal(forged, unready)
	}
	failing := func(err error) func() (*gorilla.Session, error) {
		return func() (*gorilla.Session, error) { return nil, err }
	}
	down := errors.New("connection refused")
	fresh := func() (*gorilla.Session, error) {
		s, err := kept("data")()
		s.IsNew = true
		return s, err
	}
	for name, row := range map[string]struct {
		session func() (*gorilla.Session, error)
		want    error
	}{
		"kept":                         {kept("data"), nil},
		"forged":                       {failing(forged), errNone},
		"a wrapped forgery":            {failing(errors.Join(forged)), errNone},
		"a record of something else":   {failing(errors.New("gob: unknown type id")), errNone},
		"a record with more behind it": {failing(errors.New("extra data in buffer")), errNone},
		"none in memcached":            {failing(errors.New("memcache: cache miss")), errNone},
		"none in another memcached":    {failing(errors.New("mc: not found")), errNone},
		"words around them":            {failing(errors.New("x gob: y")), errors.New("x gob: y")},
		"a store without a key":        {failing(unready), unready},
		"a store that is down":         {failing(down), down},
		"nothing at all":               {failing(nil), errNone},
		"a new one":                    {fresh, errNone},
		"an ended one":                 {kept(""), errNone},
		"one of another kind":          {kept(7), errNone},
		"one without a value":          {kept(nil), errNone},
	} {
		s := ginstore.New(&driver{session: row.session}, errNone)
		data, err := s.Get(t.Context(), "handle")
		if row.want == nil && (err != nil || string(data) != "data") || row.want != nil && (err == nil || err.Error() != row.want.Error() || len(data) > 0) {
			t.Errorf("%s: %q, %v, want %v", name, data, err, row.want)
		}
	}
	for length, asks := range map[int]bool{1: true, 4096: true, 4097: false, 0: false} {
		d := &driver{session: kept("data")}
		_, err := ginstore.New(d, errNone).Get(t.Context(), strings.Repeat("x", length))
		if length > 0 && (err == nil) != asks || (len(d.asked) > 0) != asks {
			t.Errorf("a handle of %d bytes: asked for %d, %v", length, len(d.asked), err)
		}
	}
}

// A handle is the value of the session's own cookie.
func TestCreate(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	noID := func(w http.ResponseWriter, s *gorilla.Session) error {
		s.ID = ""
		w.Header().Add("Set-Cookie", "ginauth=all of the session")
		return nil
	}
	for name, row := range map[string]struct {
		session func() (*gorilla.Session, error)
		save    func(http.ResponseWriter, *gorilla.Session) error
		want    string
		fault   string
	}{
		"a handle":             {kept(""), gives("ginauth=abc"), "abc", ""},
		"behind others":        {kept(""), gives("other=x", "ginauth=", "ginauth=abc", "ginauth=def"), "abc", ""},
		"another cookie alone": {kept(""), gives("other=x"), "", "no session cookie"},
		"an empty one":         {kept(""), gives("ginauth="), "", "no session cookie"},
		"none":                 {kept(""), gives(), "", "no session cookie"},
		"a store that is down": {kept(""), func(http.ResponseWriter, *gorilla.Session) error { return down }, "", "connection refused"},
		"no session":           {func() (*gorilla.Session, error) { return nil, down }, gives("ginauth=abc"), "", "made no session: connection refused"},
		"in the cookie itself": {kept(""), noID, "", "keeps sessions in the browser"},
	} {
		s := ginstore.New(&driver{session: row.session, save: row.save}, errNone)
		handle, err := s.Create(t.Context(), "ada", []byte("data"), time.Now().Add(time.Hour))
		if row.fault == "" && (handle != row.want || err != nil) || row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)) {
			t.Errorf("%s: %q, %v", name, handle, err)
		}
	}
	// A store keeps a session for as long as it lasts, and for a second at the least.
	for life, want := range map[time.Duration]int{time.Hour + time.Second/2: 3600, time.Second + time.Second/2: 1, 0: 1, -time.Hour: 1} {
		got := 0
		s := ginstore.New(&driver{session: kept(""), save: func(w http.ResponseWriter, s *gorilla.Session) error {
			got = s.Options.MaxAge
			return gives("ginauth=abc")(w, s)
		}}, errNone)
		if _, err := s.Create(t.Context(), "", nil, time.Now().Add(life)); err != nil || got != want {
			t.Errorf("a session of %v is kept for %d seconds, %v", life, got, err)
		}
	}
}

// A deletion leaves an empty session first, and is none where either step fails.
func TestDelete(t *testing.T) {
	t.Parallel()
	for fails := range 3 {
		saved := 0
		var ages []int
		s := ginstore.New(&driver{session: kept("data"), save: func(w http.ResponseWriter, s *gorilla.Session) error {
			if saved++; saved == fails {
				return errors.New("connection refused")
			}
			if s.Values["token"] != "" {
				t.Errorf("%v is left", s.Values)
			}
			ages = append(ages, s.Options.MaxAge)
			return gives("ginauth=abc")(w, s)
		}}, errNone)
		err := s.Delete(t.Context(), "handle")
		if (err != nil) != (fails > 0) {
			t.Errorf("step %d fails: %v", fails, err)
		}
		if fails == 0 && (len(ages) != 2 || ages[0] < 3500 || ages[0] > 3600 || ages[1] != -1) {
			t.Errorf("saved for %d seconds", ages)
		}
	}
	gone := ginstore.New(&driver{session: kept("")}, errNone)
	if err := gone.Delete(t.Context(), "handle"); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	if _, err := gone.Update(t.Context(), "handle", []byte("x"), time.Now()); !errors.Is(err, errNone) {
		t.Errorf("an update of one that is gone: %v", err)
	}
	down := ginstore.New(&driver{session: func() (*gorilla.Session, error) { return nil, errors.New("connection refused") }}, errNone)
	if err := down.Delete(t.Context(), "handle"); err == nil {
		t.Error("a store that is down has deleted")
	}
}

// A session that ends while another request waits to change it stays ended.
func TestUpdate_EndedMeanwhile(t *testing.T) {
	t.Parallel()
	asked := 0
	s := ginstore.New(&driver{session: func() (*gorilla.Session, error) {
		if asked++; asked == 1 {
			return kept("data")()
		}
		return kept("")()
	}, save: gives("ginauth=abc")}, errNone)
	if handle, err := s.Update(t.Context(), "handle", []byte("x"), time.Now().Add(time.Hour)); !errors.Is(err, errNone) || handle != "" {
		t.Errorf("%q, %v", handle, err)
	}
}

// A wrapper hides the store in it.
type wrapper struct{ sessions.Store }

// A call is a store that is no struct.
type call func()

func (call) Options(sessions.Options)                                        {}
func (call) Get(*http.Request, string) (*gorilla.Session, error)             { return nil, nil }
func (call) New(*http.Request, string) (*gorilla.Session, error)             { return nil, nil }
func (call) Save(*http.Request, http.ResponseWriter, *gorilla.Session) error { return nil }

func codecs(ages ...int) []securecookie.Codec {
	var all []securecookie.Codec
	for _, age := range ages {
		all = append(all, securecookie.New([]byte("0123456789abcdef"), nil).MaxAge(age))
	}
	return all
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		store sessions.Store
		want  string // part of the fault
	}{
		"nil":                     {nil, "given nil"},
		"in memory":               {memstore.NewStore([]byte("secret")), ""},
		"in the cookie":           {cookie.NewStore([]byte("secret")), "in the browser"},
		"a wrapper":               {&wrapper{memstore.NewStore([]byte("secret"))}, ""},
		"no struct":               {call(func() {}), ""},
		"as long":                 {&driver{session: kept(""), Codecs: codecs(3600)}, ""},
		"a second less":           {&driver{session: kept(""), Codecs: codecs(3599)}, "good for 59m59s, less than Session.MaxAge, 1h0m0s"},
		"without an end":          {&driver{session: kept(""), Codecs: codecs(0)}, ""},
		"the shortest of several": {&driver{session: kept(""), Codecs: codecs(0, 7200, 60, 1800)}, "good for 1m0s"},
		"the shortest first":      {&driver{session: kept(""), Codecs: codecs(60, 7200, 0)}, "good for 1m0s"},
		"without codecs":          {&driver{session: kept("")}, ""},
		"one that panics":         {&driver{Codecs: codecs(60)}, ""},
	} {
		err := ginstore.New(row.store, errNone).Validate(time.Hour)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}
