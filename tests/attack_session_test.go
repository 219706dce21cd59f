package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestAttack07_MalformedBearer(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	good := sessionFor(t, "ada@example.com", nil)
	for _, row := range []struct {
		name   string
		values []string
		want   string
	}{
		{"a session token", []string{"Bearer " + good}, "ada@example.com"},
		{"a broken escape", []string{"Bearer %zz"}, ""},
		{"an escape that is none", []string{"Bearer " + good + "%"}, ""},
		{"nothing", []string{""}, ""},
		{"no token", []string{"Bearer"}, ""},
		{"an empty token", []string{"Bearer "}, ""},
		{"half a megabyte", []string{"Bearer " + strings.Repeat("a", 512<<10)}, ""},
		{"half a megabyte behind a token", []string{"Bearer " + good + strings.Repeat("A", 512<<10)}, ""},
		{"two header fields", []string{"Bearer " + good, "Bearer " + good}, ""},
		{"two header fields, one empty", []string{"Bearer " + good, ""}, ""},
		{"two tokens", []string{"Bearer " + good + " " + good}, ""},
		{"two in a list", []string{"Bearer " + good + ", Bearer " + good}, ""},
		{"another scheme", []string{"Basic " + good}, ""},
		{"no scheme", []string{good}, ""},
		{"two spaces", []string{"Bearer  " + good}, ""},
		{"a tab", []string{"Bearer\t" + good}, ""},
		{"quoted", []string{`Bearer "` + good + `"`}, ""},
		{"five dots", []string{"Bearer ....."}, ""},
		{"beyond ASCII", []string{"Bearer \u00e9\xff\u2028"}, ""},
		{"a long token header", []string{"Bearer " + strings.Repeat("e30", 300) + ".." + strings.SplitN(good, "..", 2)[1]}, ""},
	} {
		header := []string{}
		for _, value := range row.values {
			header = append(header, "Authorization", value)
		}
		if got := a.who(t, "", header...); got != row.want {
			t.Errorf("%s: passes as %q, want %q", row.name, got, row.want)
		}
	}
	if got := a.who(t, sessionCookie+"=x", "Authorization", "Bearer "+good); got != "" {
		t.Errorf("a bearer token beside a cookie passes as %q", got)
	}
	// net/http refuses a header of a whole megabyte; behind another server it would arrive.
	req := httptest.NewRequest(http.MethodGet, a.URL+"/me", nil)
	req.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 1<<20))
	w := httptest.NewRecorder()
	a.engine.ServeHTTP(w, req)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a megabyte answers %d", w.Code)
	}
}

func TestAttack14_SessionFixation(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	b := a.browser(t)
	cookies := func() string {
		var pairs []string
		for _, c := range b.Jar.Cookies(b.request(http.MethodGet, "/", nil).URL) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		return strings.Join(pairs, "; ")
	}
	session := func() string {
		_, value, _ := strings.Cut(cookies(), sessionCookie+"=")
		value, _, _ = strings.Cut(value, ";")
		return value
	}

	b.get("/api/auth/session")
	anonymous := cookies()
	authURL := b.begin("local", "/")
	waiting := cookies()
	b.get(approve(t, idp, authURL).String())
	first := session()
	if got := a.who(t, sessionCookie+"="+first); got != "ada@example.com" {
		t.Fatalf("signed in as %q", got)
	}
	for name, old := range map[string]string{"before the visit": anonymous, "at the provider": waiting} {
		if got := a.who(t, old); old == "" || got != "" {
			t.Errorf("the cookies of %s, %q, now pass as %q", name, old, got)
		}
	}

	// Mallory plants a session in the browser, in every form, before the next sign-in.
	for _, planted := range []string{sessionFor(t, "mallory@example.com", nil), strings.Repeat("x", 100)} {
		b = a.browser(t)
		at := b.request(http.MethodGet, "/", nil).URL
		b.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: planted}, {Name: sessionCookie + ".0", Value: planted}})
		b.signIn(idp, "local")
		if got := b.user(); got != "ada@example.com" {
			t.Errorf("with a planted session Ada is %q", got)
		}
		if got := session(); got == planted || got == first {
			t.Error("the session is one that was there before")
		}
		for _, path := range []string{"/me", "/api/auth/session"} {
			if res := a.send(t, http.MethodGet, path, "", "Cookie", sessionCookie+"="+planted); strings.Contains(res.body, "ada@example.com") {
				t.Errorf("%s: the planted session became Ada's", path)
			}
		}
	}
}

func TestAttack33_CookieTossing(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	pad := map[string]any{"pad": strings.Repeat("p", 5000)}
	short, long := sessionFor(t, "ada@example.com", nil), chunked(sessionFor(t, "ada@example.com", pad))
	mallory, malloryLong := sessionFor(t, "mallory@example.com", nil), chunked(sessionFor(t, "mallory@example.com", pad))
	if len(long) != 2 || len(malloryLong) != 2 {
		t.Fatal("the long sessions do not have two chunks")
	}
	n := sessionCookie
	stray := n + ".7=" + mallory
	for _, row := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"one cookie", []string{n + "=" + short}, "ada@example.com"},
		{"chunks", long, "ada@example.com"},
		{"chunks in another order", []string{long[1], long[0]}, "ada@example.com"},
		{"two of one name", []string{n + "=" + short, n + "=" + mallory}, ""},
		{"two of one name, the other way", []string{n + "=" + mallory, n + "=" + short}, ""},
		{"the same twice", []string{n + "=" + short, n + "=" + short}, "ada@example.com"},
		{"one is empty", []string{n + "=", n + "=" + short}, "ada@example.com"},
		{"one does not open", []string{n + "=" + mallory[:len(mallory)-9], n + "=" + short}, "ada@example.com"},
		{"eight that do not open", append(slices.Repeat([]string{n + "=x"}, 8), n+"="+short), "ada@example.com"},
		{"both forms", append([]string{n + "=" + short}, malloryLong...), ""},
		{"both forms, one chunk", []string{n + "=" + short, n + ".0=" + mallory}, ""},
		{"both forms, one opens", append([]string{n + "=" + short}, malloryLong[1], n+".0=x"), "ada@example.com"},
		{"a chunk twice", []string{long[0], long[1], malloryLong[1]}, "ada@example.com"},
		{"the same chunk twice", []string{long[0], long[0], long[1]}, "ada@example.com"},
		{"all chunks of two sessions", []string{long[0], long[1], malloryLong[0], malloryLong[1]}, ""},
		{"all chunks of two sessions, mixed", []string{long[0], malloryLong[0], malloryLong[1], long[1]}, ""},
		{"chunks of two sessions", []string{long[0], malloryLong[1]}, ""},
		{"chunks of two sessions, the other way", []string{malloryLong[0], long[1]}, ""},
		{"a chunk is missing", []string{long[0]}, ""},
		{"the first chunk is missing", []string{long[1]}, ""},
		{"a stray chunk beside one cookie", []string{n + "=" + short, stray}, "ada@example.com"},
		{"a stray chunk beside chunks", []string{stray, long[0], long[1]}, "ada@example.com"},
		{"a stray chunk alone", []string{stray}, ""},
		{"names that begin alike", []string{n + "-other=" + mallory, n + "=" + short, n + ".x=" + mallory, n + ".=" + mallory}, "ada@example.com"},
		{"odd numbers", []string{long[0], long[1], n + ".00=x", n + ".+1=x", n + ".1e0=x", n + ".-1=x", n + ".99999999999999999999=x"}, "ada@example.com"},
		{"another letter case", []string{strings.ToUpper(n) + "=" + mallory, n + "=" + short}, "ada@example.com"},
		{"the name for https", []string{"__Secure-" + n + "=" + mallory, n + "=" + short}, "ada@example.com"},
	} {
		if got := a.who(t, strings.Join(row.pairs, "; ")); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		lines := []string{}
		for _, pair := range row.pairs {
			lines = append(lines, "Cookie", pair)
		}
		if got := a.who(t, "", lines...); got != row.want {
			t.Errorf("%s, in lines of their own: %q, want %q", row.name, got, row.want)
		}
	}
}

// TestAttack34_TokenBombs is not parallel: it counts what the whole process
// allocates.
func TestAttack34_TokenBombs(t *testing.T) {
	a := newApp(t, ginauth.Options{Providers: unused()})
	const million = 1_000_000
	dots := strings.Repeat(".", million)
	for _, row := range []struct{ name, field, value string }{
		{"dots in the cookie", "Cookie", sessionCookie + "=" + dots},
		{"dots in a bearer token", "Authorization", "Bearer " + dots},
		{"dots in chunks", "Cookie", sessionCookie + ".0=" + dots[:million/2] + "; " + sessionCookie + ".1=" + dots[million/2:]},
		{"escaped dots", "Cookie", sessionCookie + "=" + strings.Repeat("%2E", million/3)},
		{"a token header in front", "Cookie", sessionCookie + "=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0" + dots},
		{"a long ciphertext", "Authorization", "Bearer eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA." + strings.Repeat("A", million) + ".AAAAAAAAAAAAAAAAAAAAAA"},
		{"a long header", "Authorization", "Bearer " + strings.Repeat("e", million) + "..a.b.c"},
		{"bars in the csrf cookie", "Cookie", csrfCookie + "=" + strings.Repeat("|", million)},
		{"a long callback URL", "Cookie", callbackURLCookie + "=" + strings.Repeat("http:", million/5)},
		{"half a million cookies", "Cookie", strings.Repeat(";=", million/2)},
		{"one session cookie many times", "Cookie", strings.Repeat(sessionCookie+"=;", million/30)},
		{"a chunk with a great number", "Cookie", sessionCookie + ".900000=" + dots[:1000]},
		{"one chunk many times", "Cookie", strings.Repeat(sessionCookie+".99=;", million/30)},
	} {
		for _, path := range []string{"/me", "/api/auth/session", "/api/auth/csrf"} {
			var w *httptest.ResponseRecorder
			var spent uint64
			var took time.Duration
			for range 3 { // what another program's load costs, it does not cost three times
				req := httptest.NewRequest(http.MethodGet, a.URL+path, nil)
				req.Header[row.field] = []string{row.value}
				w = httptest.NewRecorder()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				a.engine.ServeHTTP(w, req)
				took = time.Since(start)
				runtime.ReadMemStats(&after)
				if spent = after.TotalAlloc - before.TotalAlloc; spent <= 4<<20 && took <= 2*time.Second {
					break
				}
			}
			// Cutting a million dots into a slice of strings takes 16 MB.
			if spent > 4<<20 || took > 2*time.Second {
				t.Errorf("%s at %s: %v and %d KB", row.name, path, took, spent>>10)
			}
			if path == "/me" && w.Code != http.StatusUnauthorized {
				t.Errorf("%s: /me answers %d", row.name, w.Code)
			}
		}
	}
	if got := a.who(t, sessionCookie+"="+dots); got != "" {
		t.Errorf("over the network: passes as %q", got)
	}
}

func TestAttack47_AlteredCookie(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	good := sessionFor(t, "ada@example.com", nil)
	if a.who(t, sessionCookie+"="+good) != "ada@example.com" {
		t.Fatal("the session itself does not pass")
	}
	refused := func(how, cookies string) {
		t.Helper()
		if got := a.who(t, cookies); got != "" {
			t.Errorf("%s: passes as %q", how, got)
		}
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range good {
		// The next letter of the alphabet differs in the lowest bit, which at the
		// end of a part belongs to no byte.
		next := byte('A')
		if at := strings.IndexByte(alphabet, good[i]); at >= 0 {
			next = alphabet[at^1]
		}
		for _, c := range []byte{next, 'q', '.', '!'} {
			if c != good[i] {
				refused(fmt.Sprintf("byte %d is %q", i, c), sessionCookie+"="+good[:i]+string(c)+good[i+1:])
			}
		}
		refused(fmt.Sprintf("without byte %d", i), sessionCookie+"="+good[:i]+good[i+1:])
		refused(fmt.Sprintf("cut at %d", i), sessionCookie+"="+good[:i])
	}
	for _, tail := range []string{"A", ".", "=", "==", ".e30", "%00", "%0A"} {
		refused("with "+tail+" behind it", sessionCookie+"="+good+tail)
	}

	pad := strings.Repeat("p", 7000)
	ada := chunked(sessionFor(t, "ada@example.com", map[string]any{"pad": pad}))
	grace := chunked(sessionFor(t, "grace@example.com", map[string]any{"pad": pad}))
	value := func(pair string) string { _, v, _ := strings.Cut(pair, "="); return v }
	if len(ada) != 3 || len(grace) != 3 {
		t.Fatal("the long sessions do not have three chunks")
	}
	for i := range 1 << 3 { // of each chunk, whose it is
		var pairs []string
		for n := range 3 {
			pairs = append(pairs, [2]string{ada[n], grace[n]}[i>>n&1])
		}
		want := map[int]string{0: "ada@example.com", 7: "grace@example.com"}[i]
		if got := a.who(t, strings.Join(pairs, "; ")); got != want {
			t.Errorf("mix %03b passes as %q, want %q", i, got, want)
		}
	}
	for _, order := range [][3]int{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 2}} {
		var pairs []string
		for n, from := range order {
			pairs = append(pairs, fmt.Sprintf("%s.%d=%s", sessionCookie, n, value(ada[from])))
		}
		refused(fmt.Sprint("chunks in the order ", order), strings.Join(pairs, "; "))
	}
}

func TestAttack52_Clock(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	a := newApp(t, ginauth.Options{Providers: unused(), Now: func() time.Time { return now }})
	at := func(seconds int64) string { return fmt.Sprint(now.Unix() + seconds) }
	for _, row := range []struct {
		name, claims string
		want         bool
	}{
		{"valid", `"iat":` + at(0) + `,"exp":` + at(60), true},
		{"no exp", `"iat":` + at(0), true},
		{"exp one second inside the leeway", `"exp":` + at(-14), true},
		{"exp at the leeway", `"exp":` + at(-15), false},
		{"exp a fraction inside the leeway", `"exp":` + at(-15) + `.5`, true},
		{"exp long ago", `"exp":1`, false},
		{"exp zero", `"exp":0`, false},
		{"exp negative", `"exp":-1`, false},
		{"exp beyond time", `"iat":` + at(0) + `,"exp":1e300`, true},
		{"exp beyond floating point", `"iat":` + at(0) + `,"exp":1e999`, true},
		{"exp beyond integers", `"iat":` + at(0) + `,"exp":99999999999999999999999999`, true},
		{"exp beyond time, backwards", `"exp":-1e300`, false},
		{"exp is text", `"exp":"` + at(60) + `"`, false},
		{"exp is null", `"exp":null`, false},
		{"exp is true", `"exp":true`, false},
		{"exp is a list", `"exp":[` + at(60) + `]`, false},
		{"exp twice, the last one past", `"exp":` + at(60) + `,"exp":1`, false},
		{"iat in the future", `"iat":` + at(3600) + `,"exp":` + at(7200), true},
		{"iat beyond time", `"iat":1e300,"exp":` + at(60), true},
		{"iat beyond time, backwards", `"iat":-1e300,"exp":` + at(60), true},
		{"iat is text", `"iat":"now","exp":` + at(60), false},
		{"nbf at the leeway", `"nbf":` + at(15) + `,"exp":` + at(60), true},
		{"nbf beyond the leeway", `"nbf":` + at(16) + `,"exp":` + at(60), false},
		{"nbf beyond time", `"nbf":1e300,"exp":` + at(60), false},
		{"nbf is text", `"nbf":"1","exp":` + at(60), false},
		{"auth_time beyond time", `"auth_time":1e300,"iat":` + at(0) + `,"exp":` + at(60), true},
		{"auth_time is text", `"auth_time":"1","exp":` + at(60), false},
	} {
		want := ""
		if row.want {
			want = "ada@example.com"
		}
		sealed := seal(t, testSecret, []byte(`{"email":"ada@example.com",`+row.claims+`}`))
		if got := a.who(t, sessionCookie+"="+sealed); got != want {
			t.Errorf("%s: %q, want %q", row.name, got, want)
		}
		if got := a.who(t, "", "Authorization", "Bearer "+sealed); got != want {
			t.Errorf("%s, as a bearer token: %q, want %q", row.name, got, want)
		}
		if !row.want {
			continue
		}
		var out struct{ Expires time.Time }
		decode(t, a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+sealed).body, &out)
		if y := out.Expires.Year(); y < 1 || y > 9999 {
			t.Errorf("%s: the session expires in %d", row.name, y)
		}
	}
	for _, payload := range []string{"", "null", "7", `"x"`, "[]", "{", `{"exp":` + at(60) + `}x`, "\x00", "\xff"} {
		if got := a.who(t, sessionCookie+"="+seal(t, testSecret, []byte(payload))); got != "" {
			t.Errorf("the payload %q passes as %q", payload, got)
		}
	}
}
