package refusal_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/refusal"
)

// records keep what a logger is given.
type records struct {
	from slog.Level
	got  []slog.Record
}

func (r *records) Enabled(_ context.Context, level slog.Level) bool { return level >= r.from }
func (r *records) WithAttrs([]slog.Attr) slog.Handler               { return r }
func (r *records) WithGroup(string) slog.Handler                    { return r }
func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.got = append(r.got, record)
	return nil
}

// A line says what was seen, in order, leaves out what was empty, and then what to look
// at and what to do; the next one of its kind says how many it stands for.
func TestLog_Line(t *testing.T) {
	t.Parallel()
	r := &records{from: slog.LevelDebug}
	now := time.Time{} // whatever the clock says first
	l := refusal.NewLog(slog.New(r), func() time.Time { return now })
	advice := refusal.Advice{LookAt: "BaseURL, TrustedHosts", Text: "do that"}
	write := func() {
		l.Warn(context.Background(), refusal.Host, "refused", advice, "host", "evil.example", "none", "", "length", 7, "expected", refusal.Words("a b"), "proxy", false)
	}
	attrs := func(record slog.Record) (text []string) {
		record.Attrs(func(a slog.Attr) bool { text = append(text, a.String()); return true })
		return text
	}
	want := []string{"host=evil.example", "length=7", "expected=a b", "proxy=false", "look_at=BaseURL, TrustedHosts", "advice=do that"}
	write()
	if len(r.got) != 1 || r.got[0].Message != "ginauth: refused" || r.got[0].Level != slog.LevelWarn || !slices.Equal(attrs(r.got[0]), want) {
		t.Fatalf("%v", r.got)
	}
	for range 2 {
		write()
	}
	now = now.Add(time.Minute - 1)
	if write(); len(r.got) != 1 {
		t.Error("a second line is written within a minute")
	}
	now = now.Add(1)
	write()
	if len(r.got) != 2 || !slices.Equal(attrs(r.got[1]), append(want, "left_out_since_the_last_line=3")) {
		t.Errorf("%q", attrs(r.got[len(r.got)-1]))
	}
	l.Info(context.Background(), refusal.LongAnswer, "rather long", advice, "length", 9)
	if last := r.got[len(r.got)-1]; len(r.got) != 3 || last.Level != slog.LevelInfo || !slices.Equal(attrs(last), append([]string{"length=9"}, want[4:]...)) {
		t.Errorf("%q", attrs(r.got[len(r.got)-1]))
	}
	l.Warn(context.Background(), refusal.Origin, "nothing seen", advice)
	if last := r.got[len(r.got)-1]; len(r.got) != 4 || !slices.Equal(attrs(last), want[4:]) {
		t.Errorf("%q", attrs(r.got[len(r.got)-1]))
	}
	// A handler that says no is not asked to write.
	r.from = slog.LevelError
	l.Warn(context.Background(), refusal.Session, "refused", advice)
	if len(r.got) != 4 {
		t.Error("a handler writes what it is not enabled for")
	}
}

// The options to look at stand in the sentence that says what to do with them.
func TestAdvice_NamesItsOptions(t *testing.T) {
	t.Parallel()
	const own, unset = "https://app.example.com", "BaseURL (or the variable NEXTAUTH_URL)"
	one := refusal.Site{Hosts: []string{"a.example"}}
	behind, request, option := refusal.Site{ByListedProxy: true}, refusal.Site{}, refusal.Site{Option: "AUTH_URL"}
	for name, row := range map[string]struct {
		advice refusal.Advice
		names  []string
	}{
		"another secret":                 {refusal.OtherSecret, []string{"Secret", "PreviousSecrets", "Cookies.Prefix"}},
		"TLS not told":                   {behind.OfOrigin("https://app.example.com", "http://app.example.com"), []string{"X-Forwarded-Proto", unset}},
		"TLS in front":                   {request.OfOrigin("https://app.example.com", "http://app.example.com"), []string{"TrustedProxies", unset}},
		"another host behind it":         {behind.OfOrigin("https://evil.example", own), []string{unset, "TrustedOrigins"}},
		"another port behind it":         {behind.OfOrigin("https://app.example.com:8443", own), []string{unset, "TrustedOrigins"}},
		"another host":                   {request.OfOrigin("https://evil.example", own), []string{unset, "TrustedOrigins"}},
		"a host":                         {request.OfHost(), []string{unset, "TrustedHosts"}},
		"a host beside one":              {one.OfHost(), []string{"TrustedHosts"}},
		"a cookie":                       {option.OfCookie(own, true), []string{own}},
		"http, whose address is said":    {option.OfPlainHTTP(own), []string{own, "AUTH_URL"}},
		"http, whose address is not":     {request.OfPlainHTTP(own), []string{own, unset}},
		"a prefix":                       {option.OfPrefix("/shop", own, "/api/auth", false), []string{"BasePath", "Pages.TrustForwardedPrefix", "BaseURL", "TrustedProxies"}},
		"a prefix of a proxy in no list": {option.OfPrefix("/shop", own, "/api/auth", true), []string{"TrustedProxies", "X-Forwarded-Prefix"}},
	} {
		for _, n := range row.names {
			if !strings.Contains(row.advice.Text, n) {
				t.Errorf("%s: %q does not name %s", name, row.advice.Text, n)
			}
		}
		if row.advice.LookAt == "" {
			t.Errorf("%s: there is nothing to look at", name)
		}
	}
	if got := refusal.OtherSecret.LookAt; got != "Secret, PreviousSecrets, Cookies.Prefix" {
		t.Error(got)
	}
	for name, row := range map[string]struct {
		got  string
		want []string
	}{
		"the hosts":                {string(one.Expected()), []string{"a.example"}},
		"no hosts":                 {string(request.Expected()), []string{"localhost", "BaseURL"}},
		"a hint, by the option":    {option.Hint(own), []string{"For developers", own, "AUTH_URL"}},
		"a hint, by the request":   {request.Hint(own), []string{"For developers", own, unset, "TrustedProxies"}},
		"a hint for a host":        {request.HostHint(), []string{"For developers", unset, "TrustedHosts", "localhost"}},
		"a hint for a listed host": {one.HostHint(), []string{"For developers", unset, "add the host to TrustedHosts"}},
		"the option":               {option.Address(), []string{"AUTH_URL"}},
		"no option":                {request.Address(), []string{unset}},
	} {
		for _, w := range row.want {
			if !strings.Contains(row.got, w) {
				t.Errorf("%s: %q does not name %s", name, row.got, w)
			}
		}
	}
	if behind.OfOrigin("https://evil.example", own).LookAt != request.OfOrigin("https://evil.example", own).LookAt {
		t.Error("a listed proxy is blamed for another site's form")
	}
	if got := string(one.Expected()); got != "a.example" {
		t.Error(got)
	}
	if one.OfHost().LookAt != "TrustedHosts, "+unset || strings.Contains(one.HostHint(), "localhost") {
		t.Errorf("of one host: %+v, %q", one.OfHost(), one.HostHint())
	}
}
