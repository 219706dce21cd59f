package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

func TestSession_MarshalJSON(t *testing.T) {
	t.Parallel()
	expires := time.Date(2030, 1, 2, 3, 4, 5, 678_999_999, time.FixedZone("", 3600))
	const end = `"expires":"2030-01-02T02:04:05.678Z"`
	for _, row := range []struct {
		name    string
		session ginauth.Session
		want    string
	}{
		{"a person", ginauth.Session{User: ginauth.User{ID: "7", Name: "Ada", Email: "ada@example.com", Image: "https://img.example/a.png"}},
			`{"user":{"name":"Ada","email":"ada@example.com","image":"https://img.example/a.png"},` + end + `}`},
		{"nothing known", ginauth.Session{}, `{"user":{"name":null,"email":null,"image":null},` + end + `}`},
		{"an error", ginauth.Session{Error: "RefreshFailed"}, `{"user":{"name":null,"email":null,"image":null},` + end + `,"error":"RefreshFailed"}`},
		{"values", ginauth.Session{Values: map[string]any{"b": 1, "a": []string{"x"}}}, `{"user":{"name":null,"email":null,"image":null},` + end + `,"a":["x"],"b":1}`},
		{"values of the user", ginauth.Session{User: ginauth.User{ID: "7", Values: map[string]any{"id": "7"}}},
			`{"user":{"name":null,"email":null,"image":null,"id":"7"},` + end + `}`},
		{"values named like members", ginauth.Session{
			User: ginauth.User{Name: "Ada", Values: map[string]any{"name": "Eve", "email": "eve@example.com", "image": "javascript:", "x": 1}}, Error: "E",
			Values: map[string]any{"user": "Eve", "expires": "never", "error": "none", "y": 2},
		}, `{"user":{"name":"Ada","email":null,"image":null,"x":1},` + end + `,"error":"E","y":2}`},
		{"markup", ginauth.Session{User: ginauth.User{Name: "<b>&\u2028"}}, `{"user":{"name":"<b>&\u2028","email":null,"image":null},` + end + `}`},
	} {
		row.session.Expires = expires
		got, err := row.session.MarshalJSON()
		if err != nil || string(got) != row.want {
			t.Errorf("%s: %s, %v\nwant %s", row.name, got, err, row.want)
		}
	}
	s := ginauth.Session{Values: map[string]any{"f": math.Inf(1)}}
	if got, err := s.MarshalJSON(); err == nil {
		t.Errorf("infinity becomes %s", got)
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	type address struct{ City string }
	s := &ginauth.Session{Values: map[string]any{
		"text": "x", "number": json.Number("7"), "big": json.Number("9007199254740993"), "fraction": json.Number("1.5"),
		"negative": json.Number("-1"), "true": true, "null": nil, "go": 7,
		"list": []any{"a", "b"}, "mixed": []any{"a", json.Number("1")},
		"object": map[string]any{"City": "London"}, "struct": address{"Turin"}, "channel": make(chan int),
	}}
	checkValue(t, s, "text", "x", true)
	checkValue(t, s, "text", 0, false)
	checkValue(t, s, "number", 7, true)
	checkValue(t, s, "number", int64(7), true)
	checkValue(t, s, "number", uint8(7), true)
	checkValue(t, s, "number", 7.0, true)
	checkValue(t, s, "number", json.Number("7"), true)
	checkValue(t, s, "number", "", false)
	checkValue(t, s, "big", int64(9007199254740993), true)
	checkValue(t, s, "big", int8(0), false)
	checkValue(t, s, "fraction", 1.5, true)
	checkValue(t, s, "fraction", 0, false)
	checkValue(t, s, "negative", -1, true)
	checkValue(t, s, "negative", uint(0), false)
	checkValue(t, s, "true", true, true)
	checkValue(t, s, "true", "", false)
	checkValue(t, s, "null", "", false)
	checkValue(t, s, "null", []string(nil), false)
	checkValue(t, s, "absent", "", false)
	checkValue(t, s, "go", 7, true)
	checkValue(t, s, "go", int64(7), true)
	checkValue(t, s, "list", []string{"a", "b"}, true)
	checkValue(t, s, "list", []int(nil), false)
	checkValue(t, s, "mixed", []string(nil), false)
	checkValue(t, s, "object", address{"London"}, true)
	checkValue(t, s, "object", map[string]string{"City": "London"}, true)
	checkValue(t, s, "struct", address{"Turin"}, true)
	checkValue(t, s, "channel", "", false)
	checkValue(t, nil, "text", "", false)
	checkValue(t, &ginauth.Session{}, "text", "", false)
}

func checkValue[T any](t *testing.T, s *ginauth.Session, key string, want T, ok bool) {
	t.Helper()
	if got, found := ginauth.Value[T](s, key); found != ok || !reflect.DeepEqual(got, want) {
		t.Errorf("Value[%T](%q) = %v, %t; want %v, %t", want, key, got, found, want, ok)
	}
}

// TestSession_RoundTrip seals a token again and again through GET session and
// holds what is left against what went in.
func TestSession_RoundTrip(t *testing.T) {
	t.Parallel()
	const times = `"iat":1800000000,"exp":1800003600,"jti":"j"`
	for _, row := range []struct {
		name, claims string
		user         string // what GET session tells of the user
	}{
		{"the usual", `"name":"Ada","email":"ada@example.com","picture":null,"sub":"7","auth_time":1800000000`, `{"name":"Ada","email":"ada@example.com","image":null}`},
		{"nothing", ``, `{}`},
		{"nulls", `"name":null,"email":null,"picture":null`, `{"name":null,"email":null,"image":null}`},
		{"empty texts", `"name":"","email":"","picture":""`, `{"name":"","email":"","image":""}`},
		{"some absent", `"email":"ada@example.com"`, `{"email":"ada@example.com"}`},
		{"some null, some absent", `"name":null,"sub":"7"`, `{"name":null}`},
		{"numbers", `"a":9007199254740993,"b":123456789012345678901234567890,"c":-0,"d":1.10,"e":1e400,"f":1E-7,"g":0.1`, `{}`},
		{"nested", `"a":{"z":[1.50,null,{"n":9007199254740993}],"y":{}},"b":[],"c":[[]],"d":{"name":null}`, `{}`},
		{"literals", `"a":null,"b":true,"c":false,"d":""`, `{}`},
		{"text", `"a":"<b>&\u2028\u0000\"\\/","b":"\ud83d\ude00","日本":"語"`, `{}`},
		{"fields of other types", `"name":7,"email":["x"],"picture":{"a":1},"sub":42`, `{}`},
		{"names like members", `"user":1,"expires":2,"error":3,"nbf":1700000000`, `{}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			a := newApp(t, ginauth.Options{Providers: unused(), Now: clock.now, Session: ginauth.SessionOptions{UpdateAge: -1}})
			payload := "{" + strings.Trim(row.claims+","+times, ",") + "}"
			sealed := seal(t, testSecret, []byte(payload))
			want := claimsOf(t, testSecret, sealed)
			for round := range 3 {
				clock.seconds.Add(60)
				res := a.send(t, http.MethodGet, "/api/auth/session", "", "Cookie", sessionCookie+"="+sealed)
				var out struct{ User json.RawMessage }
				decode(t, res.body, &out)
				if string(out.User) != row.user {
					t.Errorf("round %d: the user is %s, want %s", round, out.User, row.user)
				}
				cookie := setCookies(res)[sessionCookie]
				if cookie == nil || cookie.Value == sealed {
					t.Fatalf("round %d: not sealed again: %q", round, res.Header["Set-Cookie"])
				}
				sealed = cookie.Value
				got := claimsOf(t, testSecret, sealed)
				now := clock.now().Unix()
				if got["iat"] != json.Number(fmt.Sprint(now)) || got["exp"] != json.Number(fmt.Sprint(now+30*24*3600)) || got["jti"] == "j" {
					t.Errorf("round %d: the times are %v, %v, %v", round, got["iat"], got["exp"], got["jti"])
				}
				for _, name := range []string{"iat", "exp", "jti"} {
					got[name] = want[name]
				}
				delete(got, "ginauth_sid") // which the first sealing here adds
				if !reflect.DeepEqual(got, want) {
					t.Errorf("round %d: the claims are\n%v, want\n%v", round, got, want)
				}
			}
		})
	}
}

// TestSession_CallbackValues sends what a JWT callback put into a token through
// two more requests, to the handler and to the browser.
func TestSession_CallbackValues(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if _, ok := p.Token.Claims["roles"]; !ok {
				p.Token.Claims["roles"], p.Token.Claims["level"], p.Token.Claims["none"] = []string{"admin"}, int64(math.MaxInt64), nil
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			for _, name := range []string{"roles", "level", "none"} {
				p.Session.Values[name] = p.Token.Claims[name]
			}
			p.Session.User.Values["id"] = p.Session.User.ID
			return nil
		},
	}})
	a.engine.GET("/values", a.auth.RequireSession(), func(c *gin.Context) {
		s := ginauth.GetSession(c)
		roles, ok := ginauth.Value[[]string](s, "roles")
		level, also := ginauth.Value[int64](s, "level")
		if !ok || !also || !slices.Equal(roles, []string{"admin"}) || level != math.MaxInt64 {
			t.Errorf("the values are %v", s.Values)
		}
		c.Status(http.StatusNoContent)
	})
	sealed := sessionFor(t, "ada@example.com", nil)
	for round := range 3 {
		res := a.send(t, http.MethodGet, "/api/auth/session", "", "Cookie", sessionCookie+"="+sealed)
		for _, member := range []string{`"level":9223372036854775807`, `"none":null`, `"roles":["admin"]`, `"id":"ada@example.com"`} {
			if !strings.Contains(res.body, member) {
				t.Errorf("round %d: %s lacks %s", round, res.body, member)
			}
		}
		if renewed := setCookies(res)[sessionCookie]; (renewed != nil) != (round == 0) {
			t.Fatalf("round %d: Set-Cookie: %q", round, res.Header["Set-Cookie"])
		} else if renewed != nil { // the callback has changed the token
			sealed = renewed.Value
		}
		a.send(t, http.MethodGet, "/values", "", "Cookie", sessionCookie+"="+sealed)
	}
}

// A session in use does not end, however short it may be unused.
func TestSession_ShortMaxAge(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ maxAge, pause time.Duration }{
		{time.Hour, 5 * time.Minute},
		{10 * time.Minute, 4 * time.Minute},
		{23 * time.Hour, 5 * time.Hour},
	} {
		clock := newClock()
		clock.seconds.Store(time.Now().Unix())
		a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{MaxAge: row.maxAge}, Now: clock.now})
		b := a.browser(t)
		b.signInAs("ada")
		for used := time.Duration(0); used < 4*row.maxAge; used += row.pause {
			if res := b.get("/me"); res.StatusCode != http.StatusOK {
				t.Fatalf("MaxAge %v: used every %v, the session is over after %v", row.maxAge, row.pause, used)
			}
			clock.seconds.Add(int64(row.pause.Seconds()))
		}
		clock.seconds.Add(int64(row.maxAge.Seconds()))
		if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("MaxAge %v: unused for as long, the session is not over: %d", row.maxAge, res.StatusCode)
		}
	}
}

// A site that widens its cookies to a domain finds sessions of the host alone in
// browsers. Beside a new one they would be a second session, and two are none.
func TestSession_DomainSetLater(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) *browser {
		a := membersApp(t, ginauth.Options{
			BaseURL: "http://app.example.com", Cookies: ginauth.CookieOptions{Domain: "example.com"},
			Session: ginauth.SessionOptions{UpdateAge: -1},
		})
		address := a.Listener.Addr().String()
		a.URL = "http://app.example.com"
		b := a.browser(t)
		b.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
		b.plant(sessionCookie, sessionFor(t, "old@example.com", nil))
		return b
	}
	for _, row := range []struct {
		name    string
		visit   func(b *browser)
		user    string
		cookies int
	}{
		{"signing in", func(b *browser) { b.signInAs("ada") }, "ada@example.com", 1},
		{"a guarded page", func(b *browser) { b.get("/me") }, "old@example.com", 1},
		{"GET session", func(b *browser) { b.get("/api/auth/session") }, "old@example.com", 1},
		{"signing out", func(b *browser) { b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}}) }, "", 0},
		{"signing out of two", func(b *browser) {
			b.signInAs("ada")
			b.plant(sessionCookie, sessionFor(b.t, "old@example.com", nil))
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
		}, "", 0},
	} {
		b := start(t)
		row.visit(b)
		if names := b.sessionNames(); len(names) != row.cookies {
			t.Errorf("%s leaves %q", row.name, names)
		}
		if got := b.user(); got != row.user {
			t.Errorf("after %s the browser is %q, want %q", row.name, got, row.user)
		}
	}
}

type ownKey struct{}

// A guard keeps what middlewares before it put into the request's context.
func TestSession_ContextOfBefore(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}}, func(_ *app, c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), ownKey{}, "before"))
	})
	app.engine.GET("/placed", app.auth.RequireSession(), func(c *gin.Context) {
		value, _ := c.Request.Context().Value(ownKey{}).(string)
		c.String(http.StatusOK, value)
	})
	b := app.browser(t)
	if res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}}); res.StatusCode != http.StatusFound {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if res := b.get("/placed"); res.body != "before" {
		t.Errorf("%d %q", res.StatusCode, res.body)
	}
}
