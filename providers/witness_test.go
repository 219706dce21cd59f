package providers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/providers"
)

// asked is what a sign-in at a service really asked, by the service's id: pairs of a
// role and a URL without its query.
var asked sync.Map

// keepAsked remembers the requests of a sign-in that went well.
func (f *fake) keepAsked(id, authURL string) {
	u, err := url.Parse(authURL)
	if err != nil {
		f.t.Fatal(err)
	}
	list := [][2]string{{"authorization", u.Scheme + "://" + u.Host + u.Path}}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, place := range f.reached {
		role := "userinfo"
		switch {
		case place == f.fixture.token:
			role = "token"
		case f.fixture.issuer != "":
			continue // its discovery document says the rest
		}
		if !slices.Contains(list, [2]string{role, place}) {
			list = append(list, [2]string{role, place})
		}
	}
	asked.Store(id, list)
}

// readTSV reads a table of n columns.
func readTSV(t *testing.T, file string, n int) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != n {
			t.Fatalf("%s: %q has %d columns", file, line, len(row))
		}
		rows = append(rows, row)
	}
	return rows
}

// confirmations are who confirms the requests of each service: how many
// independent implementations know the least known of them, and whether the
// service's own page does.
func confirmations(t *testing.T) map[string]string {
	t.Helper()
	witnesses, pages := readTSV(t, "witness.tsv", 4), readTSV(t, "pages.tsv", 4)
	used := map[string]bool{}
	confirmed := map[string]string{}
	for _, s := range providers.All() {
		kept, ok := asked.Load(s.ID)
		if s.ID == "steam" {
			confirmed[s.ID] = "2 implementations" // django-allauth and social-core
		}
		if s.LeftOut != "" || !ok {
			continue
		}
		if s.Kind == string(service.OIDC) {
			confirmed[s.ID] = "its discovery document"
			continue
		}
		least, page, gothAlone := len(witnesses), false, false
		for _, request := range kept.([][2]string) {
			role, place := request[0], request[1]
			n := 0
			for _, w := range witnesses {
				if w[0] == s.ID && samePlace(w[2], place, fixtures[s.ID].values != nil) {
					n++
				}
			}
			documented := false
			for i, p := range pages {
				if p[0] == s.ID && samePlace(p[1], place, fixtures[s.ID].values != nil) {
					used[pages[i][0]+pages[i][1]] = true
					switch {
					case strings.HasPrefix(p[2], "https://"):
						documented = true
					case strings.HasPrefix(p[2], "goth "):
						gothAlone = true
					default:
						n++
					}
				}
			}
			page = page || documented
			if n == 0 && !documented && !gothAlone {
				t.Errorf("%s: nobody confirms its %s endpoint, %s", s.ID, role, place)
			}
			if !documented && !gothAlone {
				least = min(least, n)
			}
		}
		switch {
		case gothAlone:
			confirmed[s.ID] = "goth alone"
		case page:
			confirmed[s.ID] = "a page of documentation"
		case least == 1:
			confirmed[s.ID] = "one implementation"
		default:
			confirmed[s.ID] = itoa(least) + " implementations"
		}
	}
	for _, p := range pages {
		if !used[p[0]+p[1]] {
			t.Errorf("pages.tsv: %s is asked for %s no more", p[0], p[1])
		}
	}
	return confirmed
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// samePlace compares URLs without a slash at their end; of a server of one's own the
// paths alone.
func samePlace(a, b string, own bool) bool {
	a, b = strings.TrimRight(a, "/"), strings.TrimRight(b, "/")
	a, b = strings.Replace(a, "http://", "https://", 1), strings.Replace(b, "http://", "https://", 1)
	if a == b || strings.ReplaceAll(a, "//", "/") == strings.ReplaceAll(b, "//", "/") {
		return true
	}
	u, err := url.Parse(a)
	v, bad := url.Parse(b)
	if err != nil || bad != nil {
		return false
	}
	// A template in a page, such as /users/{id}.
	if prefix, rest, ok := strings.Cut(u.Host+u.Path, "{"); ok {
		_, suffix, _ := strings.Cut(rest, "}")
		return strings.HasPrefix(v.Host+v.Path, prefix) && strings.HasSuffix(v.Path, suffix)
	}
	return own && u.Path != "" && u.Path == v.Path
}

// witnessFolder has the npm packages whose own code is run.
const witnessFolder = "testdata/witness"

// @auth/core's own profile() reads the stand-ins' answers as ginauth does, or the
// difference stands in a table with its reason.
func TestProfilesOfAuthJS(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(witnessFolder, "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm --prefix providers/testdata/witness ci has not run")
		}
		t.Skip("npm --prefix providers/testdata/witness ci has not run")
	}
	var input bytes.Buffer
	for _, s := range providers.All() {
		if s.LeftOut != "" {
			continue
		}
		tokens := map[string]any{"access_token": "t"}
		if answer := fixtures[s.ID].answer; answer != nil {
			answer(ada, tokens)
		}
		line, err := json.Marshal(map[string]any{"id": s.ID, "answer": fixtures[s.ID].told(ada), "tokens": tokens})
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command("node", filepath.Join(witnessFolder, "profile.mjs"))
	cmd.Stdin = &input
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	known := map[string]string{}
	for _, row := range readTSV(t, "differences.tsv", 3) {
		known[row[0]+" "+row[1]] = row[2]
	}
	met, compared := map[string]bool{}, 0
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer struct {
			ID    string
			User  map[string]string
			Error string
		}
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		compared++
		differs := func(field, theirs, ours string) {
			key := answer.ID + " " + field
			if met[key] = true; known[key] == "" {
				t.Errorf("%s: its %s is %q at Auth.js and %q here", answer.ID, field, theirs, ours)
			}
		}
		if answer.Error != "" {
			differs("answer", answer.Error, "read")
			continue
		}
		user := fixtures[answer.ID].user(ada)
		for field, ours := range map[string]string{"id": user.ID, "name": user.Name, "email": user.Email, "image": user.Image} {
			theirs := answer.User[field]
			if field == "email" {
				theirs = strings.ToLower(theirs)
			}
			if theirs != ours {
				differs(field, theirs, ours)
			}
		}
	}
	if compared < 75 {
		t.Errorf("%d services were compared", compared)
	}
	for key := range known {
		if !met[key] {
			t.Errorf("differences.tsv: %s is the same now", key)
		}
	}
}

// told is what the service says of a person: its profile, or an OpenID provider's
// claims.
func (f fixture) told(p person) any {
	if f.claims != nil {
		return f.claims(p)
	}
	if f.signs != nil {
		return f.signs(p)
	}
	for place, profile := range f.profiles {
		if len(f.profiles) == 1 || !strings.Contains(place, "emails") {
			return profile(p)
		}
	}
	return nil
}
