package ginauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"
)

// GinStore keeps sessions in any store of gin-contrib/sessions: Redis, memory,
// PostgreSQL, and so on. ginauth's sessions stand in it beside those of the
// application, under a name of their own; the browser sees ginauth's cookie
// alone. Each sign-in gets a new id, which gin-contrib/sessions by itself does
// not give.
//
// What such a store lacks stays lacking: it cannot list or end all sessions of a
// user, its calls have no deadline of their own, and one whose driver takes a
// failed query for an empty answer signs people out when it is down. The cookie
// store is refused: it cannot end a session. Leave Session.Store nil instead,
// for a cookie that is encrypted.
func GinStore(store sessions.Store) SessionStore { return &ginStore{store: store} }

// ginStore speaks to a gorilla store as the browser would: with a request whose
// only cookie is the session's. The handle is that cookie's value.
type ginStore struct{ store sessions.Store }

// ginSession is the name of ginauth's sessions in the store.
const ginSession = "ginauth"

// ginRecord is the one value of a session: gob, in which the stores write, never
// sees the application's types.
type ginRecord struct {
	Data    json.RawMessage `json:"data,omitempty"`
	Expires int64           `json:"expires"` // Unix seconds
	Ended   bool            `json:"ended,omitempty"`
}

const ginKey = "record"

// validate refuses stores that keep the session in the browser.
func (s *ginStore) validate() error {
	if s.store == nil {
		return errors.New("GinStore was given nil; write for instance redis.NewStore(…)")
	}
	v := reflect.Indirect(reflect.ValueOf(s.store))
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if v.Type().Field(i).Type == reflect.TypeFor[*gorilla.CookieStore]() {
				return errors.New("GinStore was given the cookie store, which cannot end a session; leave Session.Store nil for an encrypted cookie")
			}
		}
	}
	return nil
}

func (s *ginStore) Create(ctx context.Context, _ string, data []byte, expires time.Time) (handle string, err error) {
	return within(ctx, func(req *http.Request) (string, error) {
		session, err := s.store.New(req, ginSession)
		if session == nil {
			return "", err
		}
		session.ID, session.IsNew = "", true
		return s.save(req, session, ginRecord{Data: data, Expires: expires.Unix()}, time.Until(expires))
	})
}

func (s *ginStore) Get(ctx context.Context, handle string) ([]byte, error) {
	return within(ctx, func(req *http.Request) ([]byte, error) {
		_, record, err := s.load(req, handle)
		return record.Data, err
	})
}

func (s *ginStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	return within(ctx, func(req *http.Request) (string, error) {
		session, _, err := s.load(req, handle)
		if err != nil {
			return "", err
		}
		return s.save(req, session, ginRecord{Data: data, Expires: expires.Unix()}, time.Until(expires))
	})
}

// Delete leaves a tombstone first: some of the stores delete nothing.
func (s *ginStore) Delete(ctx context.Context, handle string) error {
	_, err := within(ctx, func(req *http.Request) (struct{}, error) {
		session, record, err := s.load(req, handle)
		if errors.Is(err, ErrNotFound) {
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, err
		}
		left := time.Until(time.Unix(record.Expires, 0))
		if _, err := s.save(req, session, ginRecord{Expires: record.Expires, Ended: true}, left); err != nil {
			return struct{}{}, err
		}
		session.Options.MaxAge = -1
		return struct{}{}, s.store.Save(req, &cookieWriter{}, session)
	})
	return err
}

// load finds the session of a handle. A handle that the store's keys did not
// sign is nobody's; any other error is the store's own.
func (s *ginStore) load(req *http.Request, handle string) (*gorilla.Session, ginRecord, error) {
	req.AddCookie(&http.Cookie{Name: ginSession, Value: handle})
	session, err := s.store.New(req, ginSession)
	var signature securecookie.Error
	switch {
	case errors.As(err, &signature) && signature.IsDecode():
		return nil, ginRecord{}, ErrNotFound
	case err != nil:
		return nil, ginRecord{}, err
	case session == nil || session.IsNew:
		return nil, ginRecord{}, ErrNotFound
	}
	raw, ok := session.Values[ginKey].([]byte)
	var record ginRecord
	if !ok || json.Unmarshal(raw, &record) != nil || record.Ended {
		return nil, ginRecord{}, ErrNotFound
	}
	return session, record, nil
}

func (s *ginStore) save(req *http.Request, session *gorilla.Session, record ginRecord, life time.Duration) (handle string, err error) {
	raw, err := json.Marshal(record)
	if err != nil {
		return "", err
	}
	session.Values = map[any]any{ginKey: raw}
	session.Options = &gorilla.Options{Path: "/", MaxAge: max(1, int(life/time.Second))}
	answer := &cookieWriter{}
	if err := s.store.Save(req, answer, session); err != nil {
		return "", err
	}
	for _, c := range (&http.Response{Header: answer.Header()}).Cookies() {
		if c.Name == ginSession && c.Value != "" {
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

// within calls a store, none of which takes a context, and waits no longer than
// the context allows. The call goes on to its own end meanwhile.
func within[T any](ctx context.Context, call func(*http.Request) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if v := recover(); v != nil {
				r.err = errors.New("ginauth: the store panicked")
			}
			done <- r
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
		if err != nil {
			r.err = err
			return
		}
		r.value, r.err = call(req)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}
