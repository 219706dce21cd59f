// Package cookie names, writes and reads ginauth's cookies as next-auth does:
// prefixes that bind a cookie to https and to its host, percent-encoded values,
// and session tokens that are too long for one cookie cut into chunks. It does not
// know what is in a cookie, or when one is set.
package cookie

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Names are the names of one site's cookies.
type Names struct {
	Session     string // the session token, possibly in chunks
	CSRF        string // token|hash
	CallbackURL string // where a sign-in or sign-out leads
	Transaction string // a sign-in under way; the name of one is this, a dot and its state's hash
	Completed   string // a sign-in that was completed a moment ago, named as Transaction is
	Mail        string // the mail that this browser asked for
	FactorMail  string // the same of somebody who is signed in and proves again who they are
	Device      string // who has signed in in this browser
	Notice      string // why a sign-in could not be completed, for the next page
	Factor      string // a sign-in that waits for its second factor, possibly in chunks
	Trusted     string // who is not asked for a second factor in this browser
	Failure     string // what the sign-in page shows of one that failed a moment ago
	Sent        string // the address that this browser asked for a mail to
	LastUsed    string // the provider by which somebody signed in last
}

// NewNames gives the names below prefix ("next-auth"). On https they carry the
// prefixes of RFC 6265bis §4.1.3: a browser takes a __Secure- cookie over https
// only, and a __Host- cookie from nobody but the host itself.
func NewNames(prefix string, secure bool) Names {
	names := Names{
		Session:     prefix + ".session-token",
		CSRF:        prefix + ".csrf-token",
		CallbackURL: prefix + ".callback-url",
		Transaction: prefix + ".transaction",
		Completed:   prefix + ".completed",
		Mail:        prefix + ".mail",
		FactorMail:  prefix + ".factor-mail",
		Device:      prefix + ".device",
		Notice:      prefix + ".notice",
		Factor:      prefix + ".factor",
		Trusted:     prefix + ".trusted",
		Failure:     prefix + ".failure",
		Sent:        prefix + ".sent",
		LastUsed:    prefix + ".last-used",
	}
	if secure {
		names.Session = "__Secure-" + names.Session
		names.CSRF = "__Host-" + names.CSRF
		names.CallbackURL = "__Secure-" + names.CallbackURL
		names.Transaction = "__Host-" + names.Transaction
		names.Completed = "__Host-" + names.Completed
		names.Mail = "__Host-" + names.Mail
		names.FactorMail = "__Host-" + names.FactorMail
		names.Device = "__Host-" + names.Device
		names.Notice = "__Host-" + names.Notice
		names.Factor = "__Host-" + names.Factor
		names.Trusted = "__Host-" + names.Trusted
		names.Failure = "__Host-" + names.Failure
		names.Sent = "__Host-" + names.Sent
		names.LastUsed = "__Host-" + names.LastUsed
	}
	return names
}

// Attributes are what a cookie carries besides its value. The path is always /
// and HttpOnly always set: no script needs to read a cookie of ours.
type Attributes struct {
	MaxAge   time.Duration // written in whole seconds; 0: not written
	Expires  time.Time     // zero: not written
	Domain   string        // empty: this host alone
	Secure   bool
	SameSite http.SameSite // zero: Lax
	// Partitioned gives the cookie a jar of its own below each site that shows this one
	// in a frame (CHIPS). It needs Secure.
	Partitioned bool
}

// Line is the Set-Cookie line for one cookie.
func Line(name, value string, a Attributes) string {
	var b strings.Builder
	b.Grow(len(name) + len(value) + 128)
	b.WriteString(name)
	b.WriteByte('=')
	b.WriteString(Escape(value))
	if a.MaxAge != 0 {
		b.WriteString("; Max-Age=")
		b.WriteString(itoa(int64(a.MaxAge / time.Second)))
	}
	a.rest(&b)
	return b.String()
}

// Deletion is the Set-Cookie line that takes a cookie away again. Domain, Secure,
// SameSite and Partitioned must be those it was set with.
func Deletion(name string, a Attributes) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteString("=; Max-Age=0")
	a.Expires = time.Time{}
	a.rest(&b)
	return b.String()
}

func (a Attributes) rest(b *strings.Builder) {
	if a.Domain != "" {
		b.WriteString("; Domain=")
		b.WriteString(a.Domain)
	}
	b.WriteString("; Path=/")
	if !a.Expires.IsZero() {
		b.WriteString("; Expires=")
		b.WriteString(a.Expires.UTC().Format(http.TimeFormat))
	}
	b.WriteString("; HttpOnly")
	if a.Secure {
		b.WriteString("; Secure")
	}
	switch a.SameSite {
	case http.SameSiteStrictMode:
		b.WriteString("; SameSite=Strict")
	case http.SameSiteNoneMode:
		b.WriteString("; SameSite=None")
	default:
		b.WriteString("; SameSite=Lax")
	}
	if a.Partitioned {
		b.WriteString("; Partitioned")
	}
}

// Get returns the percent-decoded value of the one cookie of that name. With
// none or several it reports false: of two cookies of one name one was planted,
// by a sister host for instance, and nothing tells which.
func Get(header []string, name string) (value string, ok bool) {
	count := 0
	for n, v := range All(header) {
		if n == name {
			value = v
			count++
		}
	}
	if count != 1 {
		return "", false
	}
	return Unescape(value)
}

// maxValues bounds how many values of one cookie Values yields.
const maxValues = 8

// Values yields the percent-decoded values of the cookies of that name, the first
// ones, for a caller that can tell which of them is its own: one that it sealed
// or signed.
func Values(header []string, name string) func(yield func(value string) bool) {
	return func(yield func(value string) bool) {
		count := 0
		for n, v := range beginning(header, name) {
			if n != name {
				continue
			}
			if count++; count > maxValues {
				return
			}
			if value, ok := Unescape(v); ok && !yield(value) {
				return
			}
		}
	}
}

// All yields the name and raw value of each cookie in a request's Cookie
// header lines (RFC 6265 §4.2.1).
func All(header []string) func(yield func(name, value string) bool) {
	return beginning(header, "")
}

// Has reports whether a request has a cookie whose name is one of these, or, for one
// that ends with a dot, begins with it.
func Has(header []string, names ...string) bool {
	for name := range All(header) {
		if slices.ContainsFunc(names, func(n string) bool {
			return name == n || strings.HasSuffix(n, ".") && strings.HasPrefix(name, n)
		}) {
			return true
		}
	}
	return false
}

// beginning is All of the cookies whose names begin like that. The others are not
// taken apart.
func beginning(header []string, prefix string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, line := range header {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				if pair = trim(pair); !strings.HasPrefix(pair, prefix) {
					continue
				}
				name, value, found := strings.Cut(pair, "=")
				if found && strings.HasPrefix(name, prefix) && name != "" && !yield(name, value) {
					return
				}
			}
		}
	}
}

func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
