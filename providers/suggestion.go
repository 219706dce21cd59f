package providers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
)

// A misspelt name is silent: a variable that nobody reads makes no provider, and a
// sign-in page lacks a button. So a name that is one slip away from a known one is a
// fault that says which.

// minMisspelt is the shortest name of a service, in bytes, of which a slip is told from
// a variable of another program: LINK_ID is not meant for line.
const minMisspelt = 5

// didYouMean suggests the ids that an unknown one may stand for.
func didYouMean(id string) string {
	asked := ascii.Lower(strings.NewReplacer("_", "-", " ", "-").Replace(id))
	var near, longer []string
	for _, r := range rows {
		alike := func(name string) bool {
			name = ascii.Lower(name)
			return asked == name || len(name) > 3 && oneSlip(asked, name)
		}
		switch {
		case alike(r.ID), alike(r.Name), slices.ContainsFunc(aliases[r.ID], alike), strings.ReplaceAll(r.ID, "-", "") == strings.ReplaceAll(asked, "-", ""):
			near = append(near, r.ID)
		case len(asked) > 2 && (strings.Contains(r.ID, asked) || len(r.ID) > 2 && strings.HasPrefix(asked, r.ID+"-")):
			longer = append(longer, r.ID)
		}
	}
	if near == nil {
		near = longer
	}
	if near == nil || len(near) > 5 {
		return "All lists them"
	}
	return "did you mean " + strings.Join(near, " or ") + "?"
}

// ours are variables that ginauth itself reads.
var ours = []string{"NEXTAUTH_URL", "NEXTAUTH_SECRET", "AUTH_URL", "AUTH_SECRET", "AUTH_TRUST_HOST"}

// misspelt finds the variables that nothing reads and that are one slip away from one
// that would be read. all are the environments of the services, which were read.
func misspelt(environ []string, all []*environment) (faults []error) {
	read := map[string]bool{}
	for _, name := range ours {
		read[name] = true
	}
	for _, e := range all {
		for _, a := range e.asked {
			read[a.name] = true
		}
	}
	var unread []string
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if value != "" && !read[name] && strings.Contains(name, "_") {
			unread = append(unread, name)
		}
	}
	slices.Sort(unread)
	for _, e := range all {
		faults = append(faults, e.misspelt(unread)...)
	}
	return append(faults, unnamed(unread)...)
}

// others are what the examples of goth and of the services call the parts of a client.
var others = map[string][]string{
	clientID:     {"_KEY", "_CLIENT_KEY", "_APP_ID"},
	clientSecret: {"_APP_SECRET", "_SECRET_KEY"},
}

// misspelt are the faults of one service. Of a service without a client both the id and
// the secret must be there, in whatever spelling: one alone may be another program's.
func (e *environment) misspelt(unread []string) (faults []error) {
	found := map[string]bool{clientID: e.from[clientID] != "", clientSecret: e.from[clientSecret] != ""}
	used := found[clientID] || found[clientSecret]
	for _, name := range unread {
		for _, a := range e.asked {
			if e.from[a.what] == "" && a.means(name, used) {
				found[a.what] = true
				faults = append(faults, fmt.Errorf("providers: %s: nothing reads %s; did you mean %s?", e.service.ID, name, a.name))
				break
			}
		}
	}
	if !used && !(found[clientID] && found[clientSecret]) {
		return nil
	}
	return faults
}

// means reports whether somebody who wrote name meant this variable.
func (a asked) means(name string, used bool) bool {
	if used && slices.ContainsFunc(others[a.what], func(suffix string) bool { return name == a.prefix+suffix }) {
		return true
	}
	if len(name)-len(a.name) > 1 || len(a.name)-len(name) > 1 || !oneSlip(ascii.Lower(name), ascii.Lower(a.name)) {
		return false
	}
	return strings.HasPrefix(name, a.prefix+"_") || len(strings.TrimPrefix(a.prefix, "AUTH_")) >= minMisspelt
}

// unnamed are the OpenID providers whose issuer, which would name them, is misspelt.
func unnamed(unread []string) (faults []error) {
	for _, name := range unread {
		prefix, ok := strings.CutSuffix(name, "_ID")
		if !ok || !strings.HasPrefix(strings.TrimPrefix(prefix, "AUTH_"), "OIDC_") {
			continue
		}
		for _, other := range unread {
			if oneSlip(other, prefix+"_ISSUER") {
				faults = append(faults, fmt.Errorf("providers: nothing reads %s; did you mean %s_ISSUER, beside %s?", other, prefix, name))
			}
		}
	}
	return faults
}

// oneSlip reports whether two names differ by one letter, which is missing, too many,
// another one, or has changed places with its neighbour; or not at all.
func oneSlip(a, b string) bool {
	if len(a)-len(b) > 1 || len(b)-len(a) > 1 {
		return false
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
