package refusal_test

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ginauth/ginauth/internal/refusal"
)

// A clock that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newLog(level slog.Level) (*refusal.Log, *strings.Builder, *clock) {
	var b strings.Builder
	c := &clock{time.Unix(1_700_000_000, 0)}
	return refusal.NewLog(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level})), c.now), &b, c
}

// One line a minute of each kind, whatever comes, and the next one says how many it
// stands for.
func TestLog_OneLineAMinute(t *testing.T) {
	t.Parallel()
	l, b, c := newLog(slog.LevelDebug)
	lines := func() int { return strings.Count(b.String(), "\n") }
	warn := func(kind refusal.Kind) { l.Warn(context.Background(), kind, "refused", refusal.Advice{}) }
	for range 1000 {
		warn(refusal.Origin)
		warn(refusal.Host)
		c.at = c.at.Add(59 * time.Millisecond)
	}
	if lines() != 2 {
		t.Fatalf("%d lines:\n%s", lines(), b)
	}
	c.at = time.Unix(1_700_000_000, 0).Add(time.Minute)
	warn(refusal.Origin)
	warn(refusal.Origin)
	if lines() != 3 || !strings.Contains(b.String(), "left_out_since_the_last_line=999") {
		t.Errorf("after a minute:\n%s", b)
	}
	c.at = c.at.Add(-time.Hour) // the clock was set back
	warn(refusal.Origin)
	if lines() != 4 || strings.Count(b.String(), "left_out_since") != 2 || !strings.Contains(b.String(), "left_out_since_the_last_line=1\n") {
		t.Errorf("an hour before:\n%s", b)
	}
}

func TestLog_Concurrent(t *testing.T) {
	t.Parallel()
	l, b, _ := newLog(slog.LevelDebug)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { l.Warn(context.Background(), refusal.Origin, "refused", refusal.Advice{}) })
	}
	all.Wait()
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// A line has its level, and a logger that leaves this level out gets none.
func TestLog_Levels(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		from slog.Level
		want int
	}{{slog.LevelInfo, 2}, {slog.LevelWarn, 1}, {slog.LevelError, 0}} {
		l, b, _ := newLog(row.from)
		l.Warn(context.Background(), refusal.LongSession, "long", refusal.Advice{})
		l.Info(context.Background(), refusal.LongAnswer, "rather long", refusal.Advice{})
		if n := strings.Count(b.String(), "\n"); n != row.want || strings.Count(b.String(), "level=WARN") != min(row.want, 1) {
			t.Errorf("from %v: %s", row.from, b)
		}
	}
}

// plainHandler writes attributes as they are, as some handlers do.
type plainHandler struct{ b *strings.Builder }

func (plainHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h plainHandler) WithGroup(string) slog.Handler          { return h }
func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	h.b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { h.b.WriteString(" " + a.Key + "=" + a.Value.String()); return true })
	h.b.WriteString("\n")
	return nil
}

// A stranger's value neither fills the log nor forges a line or an attribute of it.
func TestLog_ValuesAreClippedAndQuoted(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"a\nginauth: a forged line", "a\r\nx", "x level=ERROR", "x=y", "\x1b[2J", "\u2028", strings.Repeat("a", 1<<20), `a" b="`, "\xff\xfe",
	} {
		var b strings.Builder
		l := refusal.NewLog(slog.New(plainHandler{&b}), time.Now)
		l.Warn(context.Background(), refusal.Host, "refused", refusal.Advice{LookAt: "BaseURL", Text: "do that"}, "host", value, "length", 7)
		line := b.String()
		if strings.Count(line, "\n") != 1 || len(line) > 1000 || strings.ContainsAny(line, "\r\x1b\u2028") || !utf8.ValidString(line) || strings.Contains(line, "host="+value) {
			t.Errorf("%.40q is logged as %.300q", value, line)
		}
		quoted, _, _ := strings.Cut(strings.TrimPrefix(line, "ginauth: refused host="), " length=")
		if text, err := strconv.Unquote(strings.TrimSuffix(quoted, "…")); err == nil && !strings.HasPrefix(value, text) {
			t.Errorf("%.40q is quoted as %.60q", value, quoted)
		}
	}
}

// FuzzLog: whatever comes, a refusal is one line and short.
func FuzzLog(f *testing.F) {
	f.Add("https://a.example", "https://b.example")
	f.Add("null", "\n")
	f.Add("https://a.example:x/\n", "https://www.a.example")
	f.Fuzz(func(t *testing.T, sent, own string) {
		for _, site := range []refusal.Site{{}, {Option: "BaseURL"}} {
			var b strings.Builder
			refusal.NewLog(slog.New(plainHandler{&b}), time.Now).Warn(context.Background(), refusal.Origin, "refused", site.OfOrigin(sent, "https://own.example"), "origin", sent, "host", own)
			if strings.Count(b.String(), "\n") != 1 || b.Len() > 4000 {
				t.Errorf("%q %q: %q", sent, own, b.String())
			}
		}
	})
}
