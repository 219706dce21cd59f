// Package refusal tells an operator why requests are refused, or soon will be, and a
// person on the next page what came of theirs. A stranger chooses these requests and what
// is in them: so there is at most one line a minute of each kind, every value is clipped
// and quoted, and a page's notes are sealed. The package knows origins and the names of
// options. It does not know sessions, or who is refused.
package refusal

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/redact"
)

// Every is how often a kind of refusal is logged, at most.
const Every = time.Minute

// A Kind is a kind of refusal: an operator mends all of a kind in one place.
type Kind string

const (
	Origin      Kind = "origin"       // a form from another origin
	CrossOrigin Kind = "cross-origin" // a guarded request from another origin
	Host        Kind = "host"         // a host that the site does not answer for
	CSRFCookie  Kind = "csrf cookie"  // a form without its cookie
	CSRFToken   Kind = "csrf token"   // a form without its token
	Transaction Kind = "transaction"  // a provider's answer without the cookie of its sign-in
	Session     Kind = "session"      // a session cookie that does not open
	Doubled     Kind = "doubled"      // several session cookies of one name
	Unkept      Kind = "unkept"       // a session cookie that no browser keeps
	Provider    Kind = "provider"     // a provider that is not configured
	Target      Kind = "target"       // a callbackUrl that leads to another site
	LogoutToken Kind = "logout token" // a logout token that is not accepted
	Prefix      Kind = "prefix"       // a path that a proxy shortened, unknown to the site
	TooMany     Kind = "too many"     // one sign-in too many
	LongAnswer  Kind = "long answer"  // a session that a proxy may refuse in an answer
	LongSession Kind = "long session" // a session that a proxy may refuse in requests
)

// Words are a text that no stranger had a part in, which is logged as it is.
type Words string

// A Log writes the lines. It is safe for concurrent use.
type Log struct {
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	kinds map[Kind]written
}

// written is what is known of a kind's lines.
type written struct {
	at   time.Time
	more int // lines since then that were not written
}

// NewLog makes a Log.
func NewLog(logger *slog.Logger, now func() time.Time) *Log {
	return &Log{logger: logger, now: now, kinds: map[Kind]written{}}
}

// Warn writes a line, unless one of this kind was written within a minute. message is
// constant. seen are names and values of this request: texts, numbers and flags, never a
// token, a code or a cookie's value. What the configuration says is of the type [Words]. advice says which options to look at. Another line
// of the kind says how many were left out since the last one.
func (l *Log) Warn(ctx context.Context, kind Kind, message string, advice Advice, seen ...any) {
	l.write(ctx, slog.LevelWarn, kind, message, advice, seen)
}

// Info is Warn for what is no fault on most sites.
func (l *Log) Info(ctx context.Context, kind Kind, message string, advice Advice, seen ...any) {
	l.write(ctx, slog.LevelInfo, kind, message, advice, seen)
}

func (l *Log) write(ctx context.Context, level slog.Level, kind Kind, message string, advice Advice, seen []any) {
	more, ok := l.due(kind)
	if !ok || !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]any, 0, len(seen)+6)
	for i := 1; i < len(seen); i += 2 {
		value := seen[i]
		if text, ok := value.(string); ok {
			if text == "" {
				continue // there is none
			}
			value = redact.Value(text)
		}
		attrs = append(attrs, seen[i-1], value)
	}
	attrs = append(attrs, "look_at", advice.LookAt, "advice", advice.Text)
	if more > 0 {
		attrs = append(attrs, "left_out_since_the_last_line", more)
	}
	l.logger.Log(ctx, level, "ginauth: "+message, attrs...)
}

// due reports whether to write a line now, and how many were left out before it. A last
// line that lies in the future is no reason to wait: the clock was set back.
func (l *Log) due(kind Kind) (more int, ok bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	last, found := l.kinds[kind]
	if age := now.Sub(last.at); found && age >= 0 && age < Every {
		last.more++
		l.kinds[kind] = last
		return 0, false
	}
	l.kinds[kind] = written{at: now}
	return last.more, true
}
