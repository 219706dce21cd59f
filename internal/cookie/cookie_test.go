package cookie_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
)

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		prefix string
		secure bool
		want   cookie.Names
	}{
		{"next-auth", false, cookie.Names{
			Session: "next-auth.session-token", CSRF: "next-auth.csrf-token",
			CallbackURL: "next-auth.callback-url", Transaction: "next-auth.transaction", Mail: "next-auth.mail",
			Device:     "next-auth.device",
			Completed:  "next-auth.completed",
			Notice:     "next-auth.notice",
			FactorMail: "next-auth.factor-mail", Factor: "next-auth.factor", Trusted: "next-auth.trusted",
			Failure: "next-auth.failure", Sent: "next-auth.sent", LastUsed: "next-auth.last-used",
		}},
		{"next-auth", true, cookie.Names{
			Session: "__Secure-next-auth.session-token", CSRF: "__Host-next-auth.csrf-token",
			CallbackURL: "__Secure-next-auth.callback-url", Transaction: "__Host-next-auth.transaction", Mail: "__Host-next-auth.mail",
			Device:     "__Host-next-auth.device",
			Completed:  "__Host-next-auth.completed",
			Notice:     "__Host-next-auth.notice",
			FactorMail: "__Host-next-auth.factor-mail", Factor: "__Host-next-auth.factor", Trusted: "__Host-next-auth.trusted",
			Failure: "__Host-next-auth.failure", Sent: "__Host-next-auth.sent", LastUsed: "__Host-next-auth.last-used",
		}},
		{"admin", true, cookie.Names{
			Session: "__Secure-admin.session-token", CSRF: "__Host-admin.csrf-token",
			CallbackURL: "__Secure-admin.callback-url", Transaction: "__Host-admin.transaction", Mail: "__Host-admin.mail",
			Device:     "__Host-admin.device",
			Completed:  "__Host-admin.completed",
			Notice:     "__Host-admin.notice",
			FactorMail: "__Host-admin.factor-mail", Factor: "__Host-admin.factor", Trusted: "__Host-admin.trusted",
			Failure: "__Host-admin.failure", Sent: "__Host-admin.sent", LastUsed: "__Host-admin.last-used",
		}},
	}
	for _, tt := range tests {
		if got := cookie.NewNames(tt.prefix, tt.secure); got != tt.want {
			t.Errorf("%s, secure %v: got %+v", tt.prefix, tt.secure, got)
		}
	}
}

var attributes = []struct {
	name         string
	a            cookie.Attributes
	set, deleted string // what stands behind the value
}{
	{
		"defaults", cookie.Attributes{},
		"; Path=/; HttpOnly; SameSite=Lax",
		"; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
	},
	{
		"https", cookie.Attributes{Secure: true, SameSite: http.SameSiteLaxMode},
		"; Path=/; HttpOnly; Secure; SameSite=Lax",
		"; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
	},
	{
		"session", cookie.Attributes{Expires: time.Date(2099, 12, 31, 23, 0, 0, 5e8, time.FixedZone("", -3600)), Domain: "example.com", Secure: true},
		"; Domain=example.com; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax",
		"; Max-Age=0; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax",
	},
	{
		"short-lived", cookie.Attributes{MaxAge: 15*time.Minute + 900*time.Millisecond, SameSite: http.SameSiteStrictMode},
		"; Max-Age=900; Path=/; HttpOnly; SameSite=Strict",
		"; Max-Age=0; Path=/; HttpOnly; SameSite=Strict",
	},
	{
		"cross-site", cookie.Attributes{Secure: true, SameSite: http.SameSiteNoneMode},
		"; Path=/; HttpOnly; Secure; SameSite=None",
		"; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None",
	},
	{
		"in a frame of another site", cookie.Attributes{Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true},
		"; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
		"; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
	},
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, tt := range attributes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, want := cookie.Line("n", "a b;c\r\n", tt.a), "n=a%20b%3Bc%0D%0A"+tt.set; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	for _, tt := range attributes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, want := cookie.Deletion("n", tt.a), "n="+tt.deleted; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestClear(t *testing.T) {
	t.Parallel()
	got := cookie.Clear([]string{"s.1", "s", "s.0"}, cookie.Attributes{Secure: true})
	const rest = "=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"
	if want := []string{"s.1" + rest, "s" + rest, "s.0" + rest}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := cookie.Clear(nil, cookie.Attributes{}); len(got) != 0 {
		t.Errorf("nothing to delete, but %q", got)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header []string
		want   string
		ok     bool
	}{
		{"none", nil, "", false},
		{"others", []string{"a=1; nn=2; n.0=3; N=4"}, "", false},
		{"one", []string{"a=1; n=v; b=2"}, "v", true},
		{"empty value", []string{"n="}, "", true},
		{"no equals sign", []string{"n"}, "", false},
		{"percent-encoded", []string{"n=a%7Cb+c"}, "a|b+c", true},
		{"broken escape", []string{"n=%zz"}, "", false},
		{"cut escape", []string{"n=%4"}, "", false},
		{"equals signs in the value", []string{"n=a=b="}, "a=b=", true},
		{"no space", []string{"a=1;n=v;b=2"}, "v", true},
		{"tabs and spaces", []string{" \t n=v \t ;"}, "v", true},
		{"second line", []string{"a=1", "n=v"}, "v", true},
		{"twice", []string{"n=v; n=w"}, "", false},
		{"twice the same", []string{"n=v; n=v"}, "", false},
		{"twice, in two lines", []string{"n=v", "n=w"}, "", false},
		{"twice, one empty", []string{"n=v; n="}, "", false},
		{"quoted, as it stands", []string{`n="v"`}, `"v"`, true},
		{"semicolons alone", []string{";;; ; n=v;;"}, "v", true},
		{"no name", []string{"=n; n=v"}, "v", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, ok := cookie.Get(tt.header, "n"); got != tt.want || ok != tt.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	header := []string{"a=1; b=2=3;c; =x", "", "\td = 4 ; a=5"}
	var got []string
	for name, value := range cookie.All(header) {
		got = append(got, name+"|"+value)
	}
	if want := []string{"a|1", "b|2=3", "d | 4", "a|5"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for name := range cookie.All(header) {
		if name != "a" {
			t.Fatal("goes on after the loop ended")
		}
		break
	}
}

// escapes are what encodeURIComponent makes of texts.
var escapes = []struct{ text, escaped string }{
	{"", ""},
	{"abcXYZ019", "abcXYZ019"},
	{"-_.!~*'()", "-_.!~*'()"},
	{"a b", "a%20b"},
	{"a+b", "a%2Bb"},
	{"a%b", "a%25b"},
	{"%20", "%2520"},
	{"a;b,c", "a%3Bb%2Cc"},
	{`"q"`, "%22q%22"},
	{"a|b", "a%7Cb"},
	{"http://localhost:3000/a?b=c&d=e#f", "http%3A%2F%2Flocalhost%3A3000%2Fa%3Fb%3Dc%26d%3De%23f"},
	{"ü", "%C3%BC"},
	{"日本語", "%E6%97%A5%E6%9C%AC%E8%AA%9E"},
	{"🙂", "%F0%9F%99%82"},
	{"\t\n\r\x00\x7f", "%09%0A%0D%00%7F"},
	{"[]{}\\^`<>@$=:/?#&", "%5B%5D%7B%7D%5C%5E%60%3C%3E%40%24%3D%3A%2F%3F%23%26"},
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range escapes {
		if got := cookie.Escape(tt.text); got != tt.escaped {
			t.Errorf("Escape(%q) is %q, want %q", tt.text, got, tt.escaped)
		}
		if got, ok := cookie.Unescape(tt.escaped); !ok || got != tt.text {
			t.Errorf("Unescape(%q) is %q, %v, want %q", tt.escaped, got, ok, tt.text)
		}
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	tests := []struct {
		escaped, want string
		ok            bool
	}{
		{"a+b", "a+b", true},
		{"a b", "a b", true},
		{"%7c%7C", "||", true},
		{"%2520", "%20", true},
		{"%", "", false},
		{"%4", "", false},
		{"%zz", "", false},
		{"ok%", "", false},
		{"%%41", "", false},
		{"%u0041", "", false},
	}
	for _, tt := range tests {
		if got, ok := cookie.Unescape(tt.escaped); ok != tt.ok || ok && got != tt.want {
			t.Errorf("Unescape(%q) is %q, %v, want %q, %v", tt.escaped, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, tt := range escapes {
		f.Add(tt.text)
		f.Add(tt.escaped)
	}
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		escaped := cookie.Escape(text)
		for _, c := range []byte(escaped) {
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`",;\`, c) >= 0 {
				t.Fatalf("%q holds %q, which no cookie may (RFC 6265 section 4.1.1)", escaped, c)
			}
		}
		if back, ok := cookie.Unescape(escaped); !ok || back != text {
			t.Fatalf("%q came back as %q, %v", text, back, ok)
		}
		_, _ = cookie.Unescape(text)
	})
}
