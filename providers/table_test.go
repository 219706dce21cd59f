package providers_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/providers"
)

var update = flag.Bool("update", false, "write the tables in docs/providers.md anew")

const document = "../docs/providers.md"

// The tables stand between these lines.
const (
	tablesBegin = "<!-- tables: written by go test ./providers -run Conformance -update -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// checkTable holds docs/providers.md to what was tried, or writes it. A test of
// some services alone says nothing of the others.
func checkTable(t *testing.T) {
	if t.Failed() {
		return
	}
	for _, s := range providers.All() {
		if _, ok := tried.Load(s.ID); !ok && s.LeftOut == "" && s.ID != "steam" {
			if *update {
				t.Errorf("%s was not tried", s.ID)
			}
			return
		}
	}
	confirmed := confirmations(t)
	if t.Failed() {
		return
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tablesBegin)
	_, after, closed := strings.Cut(rest, tablesEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the tables", document)
	}
	want := before + tablesBegin + tables(confirmed, callbacksOf(t)) + tablesEnd + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else than what was tried; run: go test ./providers -run Conformance -update", document)
	}
}

// tables are what is known of every service, in Markdown.
func tables(confirmed map[string]string, callbacks map[string][]string) string {
	var b bytes.Buffer
	b.WriteString("\n| id | service | kind | engine | state | PKCE | nonce | verified e-mail | refresh | further settings | confirmed by | seen live |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	var out []providers.Service
	for _, s := range providers.All() {
		if s.LeftOut != "" {
			out = append(out, s)
			continue
		}
		q := observed(s.ID)
		verified := s.EmailVerified
		if verified == "" {
			verified = "no"
		}
		verified = strings.TrimSuffix(strings.TrimSuffix(verified, " in the profile is true"), ": the service gives out verified addresses alone")
		if strings.Contains(verified, "_") || strings.Contains(verified, "verified") {
			verified = "`" + verified + "`"
		}
		_, _ = fmt.Fprintf(&b, "| `%s` | [%s](%s) | %s | %s | %s | %s | %s | %s | %s | %s | %s | never by us |\n",
			s.ID, s.Name, s.Docs, s.Kind, s.Engine,
			mark(q.Has("state")), mark(q.Get("code_challenge_method") == "S256"), mark(q.Has("nonce")),
			verified, mark(refreshes(s.ID)), settings(s), confirmed[s.ID])
	}
	b.WriteString("\n## What to know of each\n\n| id, and where to get a client | callback URL | says | to know |\n|---|---|---|---|\n")
	for _, s := range providers.All() {
		if s.LeftOut == "" {
			url, source := callback(s, callbacks[s.ID])
			_, _ = fmt.Fprintf(&b, "| [`%s`](%s) | %s | %s | %s |\n", s.ID, s.Docs, url, source, s.Note)
		}
	}
	b.WriteString("\n## Left out\n\n| id | service | kind | why |\n|---|---|---|---|\n")
	for _, s := range out {
		_, _ = fmt.Fprintf(&b, "| `%s` | [%s](%s) | %s | %s |\n", s.ID, s.Name, s.Docs, s.Kind, s.LeftOut)
	}
	b.WriteString("\n")
	return b.String()
}

// callbacksOf reads what sources say of the callback URLs of each service.
func callbacksOf(t *testing.T) map[string][]string {
	t.Helper()
	made := map[string]bool{}
	for _, s := range providers.All() {
		made[s.ID] = s.LeftOut == ""
	}
	all := map[string][]string{}
	for _, row := range readTSV(t, "callbacks.tsv", 4) {
		if !made[row[0]] || all[row[0]] != nil {
			t.Errorf("callbacks.tsv: %s is no service that is made, or stands there twice", row[0])
		}
		all[row[0]] = row
	}
	return all
}

// callback is what the callback URL of a service may be, and who says so.
func callback(s providers.Service, row []string) (form, source string) {
	switch {
	case row != nil && strings.HasPrefix(row[2], "https://"):
		return row[1], "[its page](" + row[2] + ")"
	case row != nil:
		name, _, _ := strings.Cut(row[2], " ")
		return row[1], name
	case s.ID == "steam":
		return "none is registered", ""
	case slices.ContainsFunc(s.Settings, func(s providers.Setting) bool { return !s.Optional && strings.Contains(s.Example, "://") }):
		return "as your server is set", ""
	}
	return "https; no source for http with localhost", ""
}

func observed(id string) url.Values {
	if id == "steam" {
		return url.Values{"state": {"in the address to return to"}}
	}
	q, _ := tried.Load(id)
	return q.(url.Values)
}

func mark(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

func settings(s providers.Service) string {
	var names []string
	for _, setting := range s.Settings {
		name := "`" + setting.Name + "`"
		if setting.Optional {
			name += " (optional)"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// refreshes asks what runs the sign-ins whether it can renew access tokens.
func refreshes(id string) bool {
	p, err := providers.New(id, fixtures[id].settings())
	if err != nil {
		return false
	}
	made, err := oauth.New(oauth.Config{ID: id, Provider: p.(ginauth.OAuth).Provider})
	return err == nil && made.CanRefresh()
}

// Every provider that goth has is known here: made, or left out with a reason.
func TestEveryGothProvider(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/markbates/goth").Output()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(strings.TrimSpace(string(dir)), "providers"))
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "faux" { // goth's own test double
			folders = append(folders, e.Name())
		}
	}
	var known []string
	for _, s := range service.All() {
		if s.Goth != "" {
			known = append(known, s.Goth)
		}
	}
	slices.Sort(known)
	slices.Sort(folders)
	if !slices.Equal(known, folders) {
		t.Errorf("goth has %d providers and internal/service knows %d:\n%v\n%v", len(folders), len(known), folders, known)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	all := providers.All()
	if !slices.IsSortedFunc(all, func(a, b providers.Service) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("not in the order of the ids")
	}
	for _, s := range all {
		if s.Name == "" || s.Kind == "" || !strings.HasPrefix(s.Docs, "https://") || len(s.Color) != 7 {
			t.Errorf("%+v", s)
		}
		if (s.Engine == "") != (s.LeftOut != "") {
			t.Errorf("%s: engine %q and left out because %q", s.ID, s.Engine, s.LeftOut)
		}
		p, err := providers.New(s.ID, fixtures[s.ID].settings())
		if s.LeftOut != "" {
			if err == nil || !strings.Contains(err.Error(), s.LeftOut) {
				t.Errorf("%s: %v", s.ID, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", s.ID, err)
			continue
		}
		if o := p.(ginauth.OAuth); o.ID != s.ID || o.Name != s.Name {
			t.Errorf("%s is made as %q, %q", s.ID, o.ID, o.Name)
		}
	}
	for id := range fixtures {
		if !slices.ContainsFunc(all, func(s providers.Service) bool { return s.ID == id && s.LeftOut == "" }) {
			t.Errorf("the fixture %s is of no service", id)
		}
	}
}

// The marks of the sign-in page are looked for under the names of these services.
func TestServicesOfMarks(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	for _, s := range providers.All() {
		if s.LeftOut == "" {
			want.WriteString(s.ID + "\n")
		}
	}
	const file = "../internal/pages/testdata/marks/services.txt"
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case string(got) == want.String():
	case *update:
		if err := os.WriteFile(file, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s lists other services; run go test ./providers -run TestServicesOfMarks -update, and testdata/marks/marks.mjs there", file)
	}
}
