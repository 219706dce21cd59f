// Package ginstore keeps sessions in a store of gin-contrib/sessions. It knows what
// these stores and their drivers do. It does not know what is kept.
package ginstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"
)

// A Store speaks to a gorilla store as the browser would: with a request whose
// only cookie is the session's. The handle is that cookie's value. Make it with New. It
// is safe for concurrent use.
type Store struct {
	store    sessions.Store
	notFound error
	// The drivers load and save, and nothing holds the two together. Here one of
	// these locks does, chosen by the session's id, so that no update saves what
	// was deleted after it was loaded.
	locks [64]sync.Mutex
	seed  maphash.Seed
}

// New keeps sessions in a store. notFound is the error for what is not there.
func New(store sessions.Store, notFound error) *Store {
	return &Store{store: store, notFound: notFound, seed: maphash.MakeSeed()}
}

const (
	// sessionName is the name of ginauth's sessions in the store.
	sessionName = "ginauth"
	// valueKey is the name of a session's one value: text, so that gob and JSON, in
	// which the stores write, never see the application's types. A session that
	// was ended has an empty one.
	valueKey = "token"
)

var errCookieStore = errors.New("GinStore was given a store that keeps sessions in the browser, which cannot end one; leave Session.Store nil for an encrypted cookie")

// Validate refuses stores that keep the session in the browser, and stores that forget
// whose cookie it was before a session of maxAge ends.
func (s *Store) Validate(maxAge time.Duration) error {
	if s.store == nil {
		return errors.New("GinStore was given nil; write for instance redis.NewStore(…)")
	}
	v := reflect.Indirect(reflect.ValueOf(s.store))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Type == reflect.TypeFor[*gorilla.CookieStore]() {
			return errCookieStore
		}
	}
	if age := s.handleAge(v); age > 0 && age < maxAge {
		return fmt.Errorf("the cookies of the store given to GinStore are good for %v, less than Session.MaxAge, %v; raise the first by the store's Options or MaxAge, or lower the second", age, maxAge)
	}
	return nil
}

// handleAge is for how long the store takes the cookies that it made, 0 where it
// does not say. All of gin-contrib's keep their codecs in a field of one name;
// some set their age from Options in New.
func (s *Store) handleAge(store reflect.Value) (age time.Duration) {
	defer func() {
		if recover() != nil {
			age = 0 // a store of another make: nothing is known
		}
	}()
	req, _ := s.request(context.Background(), "") // of a URL that parses
	_, _ = s.store.New(req, sessionName)
	codecs, _ := store.FieldByName("Codecs").Interface().([]securecookie.Codec)
	for _, codec := range codecs {
		if c, ok := codec.(*securecookie.SecureCookie); ok {
			seconds := reflect.ValueOf(c).Elem().FieldByName("maxAge").Int()
			if d := time.Duration(seconds) * time.Second; d > 0 && (age == 0 || d < age) {
				age = d
			}
		}
	}
	return age
}

// Create is as ginauth.SessionStore says.
func (s *Store) Create(ctx context.Context, _ string, data []byte, expires time.Time) (handle string, err error) {
	req, err := s.request(ctx, "")
	if err != nil {
		return "", err
	}
	session, err := s.store.New(req, sessionName)
	if session == nil {
		return "", fmt.Errorf("ginauth: the store made no session: %w", err)
	}
	session.ID, session.IsNew = "", true
	handle, err = s.save(req, session, string(data), expires)
	if err == nil && session.ID == "" {
		return "", errCookieStore // hidden from Validate, by a wrapper
	}
	return handle, err
}

// Get is as ginauth.SessionStore says.
func (s *Store) Get(ctx context.Context, handle string) ([]byte, error) {
	req, err := s.request(ctx, handle)
	if err != nil {
		return nil, err
	}
	_, data, err := s.load(req)
	return []byte(data), err
}

// Update is as ginauth.SessionStore says.
func (s *Store) Update(ctx context.Context, handle string, data []byte, expires time.Time) (newHandle string, err error) {
	err = s.locked(ctx, handle, func(req *http.Request, session *gorilla.Session) error {
		newHandle, err = s.save(req, session, string(data), expires)
		return err
	})
	return newHandle, err
}

// Delete is as ginauth.SessionStore says. It leaves an empty session first: some of the
// stores delete nothing.
func (s *Store) Delete(ctx context.Context, handle string) error {
	err := s.locked(ctx, handle, func(req *http.Request, session *gorilla.Session) error {
		if _, err := s.save(req, session, "", time.Now().Add(time.Hour)); err != nil {
			return err
		}
		session.Options.MaxAge = -1
		return s.store.Save(req, &cookieWriter{}, session)
	})
	if errors.Is(err, s.notFound) {
		return nil
	}
	return err
}

// locked runs change on a session that nobody else in this process changes.
func (s *Store) locked(ctx context.Context, handle string, change func(*http.Request, *gorilla.Session) error) error {
	req, err := s.request(ctx, handle)
	if err != nil {
		return err
	}
	session, _, err := s.load(req)
	if err != nil {
		return err
	}
	lock := &s.locks[maphash.String(s.seed, session.ID)%uint64(len(s.locks))]
	lock.Lock()
	defer lock.Unlock()
	if session, _, err = s.load(req); err != nil { // it may have been ended meanwhile
		return err
	}
	return change(req, session)
}

// maxHandle is the longest handle, in bytes, that is asked for: as long as one cookie
// can be. The drivers take a longer one for a fault of theirs.
const maxHandle = 4096

// request is what a browser with this handle would send.
func (s *Store) request(ctx context.Context, handle string) (*http.Request, error) {
	if len(handle) > maxHandle {
		return nil, s.notFound
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
	if err == nil && handle != "" {
		req.AddCookie(&http.Cookie{Name: sessionName, Value: handle})
	}
	return req, err
}

// load finds the session of a request and its value.
func (s *Store) load(req *http.Request) (*gorilla.Session, string, error) {
	session, err := s.store.New(req, sessionName)
	if err != nil {
		if unknown(err) {
			err = s.notFound
		}
		return nil, "", err
	}
	if session == nil || session.IsNew {
		return nil, "", s.notFound
	}
	data, _ := session.Values[valueKey].(string)
	if data == "" {
		return nil, "", s.notFound
	}
	return session, data, nil
}

// unknown reports whether a store's error says that a handle leads to nothing, and
// not that the store cannot tell: the store's keys did not sign the handle or the
// record, the record is no longer what was written, or memcached has none, for
// which its clients have an error.
func unknown(err error) bool {
	var signature securecookie.Error
	if errors.As(err, &signature) && signature.IsDecode() {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "gob: ") || text == "extra data in buffer" ||
		text == "memcache: cache miss" || text == "mc: not found"
}

func (s *Store) save(req *http.Request, session *gorilla.Session, data string, expires time.Time) (handle string, err error) {
	session.Values = map[any]any{valueKey: data}
	session.Options = &gorilla.Options{Path: "/", MaxAge: max(1, int(time.Until(expires)/time.Second))}
	answer := &cookieWriter{}
	if err := s.store.Save(req, answer, session); err != nil {
		return "", err
	}
	for _, c := range (&http.Response{Header: answer.Header()}).Cookies() {
		if c.Name == sessionName && c.Value != "" {
			return c.Value, nil
		}
	}
	return "", errors.New("ginauth: the store gave no session cookie")
}

// cookieWriter takes the cookie that a store would send to the browser.
type cookieWriter struct{ header http.Header }

func (w *cookieWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *cookieWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *cookieWriter) WriteHeader(int)             {}
