package cookie

import (
	"net/http"
	"slices"
	"strings"
)

// A Write says where the cookies of a session are set or deleted.
type Write struct {
	Header     http.Header // the answer's
	Name       string      // of the session token
	Found      Session     // the request's cookies
	Attributes Attributes  // those of the session, as configured
	Domains    []string    // which may have been set for this host
	Former     []string    // for which cookies are known to have been set
}

// PutSession sets the cookies of a session to value, in place of what the answer says
// of it already and of those that the request brought. It returns the lines that it
// set.
func PutSession(w Write, value string) []string {
	present := w.Found.Names()
	lines := append(w.clearOthers(present), Put(w.Name, value, present, w.Attributes)...)
	w.set(lines)
	return lines
}

// ClearSession deletes the session's cookies.
func ClearSession(w Write) {
	names := w.Found.Names()
	w.set(append(Clear(names, w.Attributes), w.clearOthers(names)...))
}

// clearOthers deletes the cookies of the session's names that were set with another
// Domain than the one configured. With a Domain, one of this host alone, from before it
// was configured, would be found beside the new one. Where a name was seen twice, there
// is one of a domain above this host, which only a deletion for that domain reaches.
func (w Write) clearOthers(names []string) (lines []string) {
	others := w.Attributes
	configured := others.Domain
	if configured != "" {
		others.Domain = ""
		lines = Clear(names, others)
	}
	if others.Partitioned && w.Found.Doubled { // one is of before the option was set
		others.Partitioned, others.Domain = false, configured
		lines = append(lines, Clear(names, others)...)
		others.Partitioned = true
	}
	for _, domain := range w.Domains {
		// A dot in front says nothing (RFC 6265 §5.2.3).
		same := func(other string) bool { return strings.TrimPrefix(other, ".") == domain }
		if !same(configured) && (w.Found.Doubled || slices.ContainsFunc(w.Former, same)) {
			others.Domain = domain
			lines = append(lines, Clear(names, others)...)
		}
	}
	return lines
}

// set sets the session's cookies, and takes back what the answer already says of them.
func (w Write) set(lines []string) {
	kept := slices.DeleteFunc(w.Header["Set-Cookie"], func(line string) bool {
		return strings.HasPrefix(line, w.Name+"=") || strings.HasPrefix(line, w.Name+".")
	})
	w.Header["Set-Cookie"] = append(kept, lines...)
}
