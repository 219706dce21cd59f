package ginauthtest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
	pagePolicy   = contentPolicy(pageCSS)
)

// contentPolicy admits the one style sheet and nothing else. It has no
// form-action on purpose: browsers apply that to the redirect which follows
// the form too, and this form's redirect leads to the client.
func contentPolicy(css string) string {
	sum := sha256.Sum256([]byte(css))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'"
}

// page is what page.html shows: the chooser, a problem, or that the person
// is signed out.
type page struct {
	Title   string
	Style   template.CSS
	Problem string

	ClientID string
	Origin   string // where the client is
	Action   Endpoint
	Fields   []field // the authorization request, to come back with the form
	People   []choice
}

type field struct{ Name, Value string }

type choice struct{ Subject, Name, Email, Initials string }

// showChooser asks which person signs in. The one whom the login_hint names comes first
// (OIDC Core §3.1.2.1).
func (p *Provider) showChooser(w http.ResponseWriter, q url.Values) {
	shown := page{
		Title:    "Sign in to " + p.cfg.ClientID,
		ClientID: p.cfg.ClientID,
		Action:   Authorize,
	}
	if target, err := url.Parse(q.Get("redirect_uri")); err == nil {
		shown.Origin = target.Scheme + "://" + target.Host
	}
	for _, name := range authorizationParams {
		if q.Has(name) {
			shown.Fields = append(shown.Fields, field{name, q.Get(name)})
		}
	}
	people := slices.Clone(p.cfg.People)
	slices.SortStableFunc(people, func(a, b Person) int {
		return rank(b, q) - rank(a, q)
	})
	for _, person := range people {
		shown.People = append(shown.People, choice{
			Subject:  person.Subject,
			Name:     person.displayName(),
			Email:    person.Email,
			Initials: person.initials(),
		})
	}
	show(w, http.StatusOK, shown)
}

func rank(person Person, q url.Values) int {
	if person.isHinted(q.Get("login_hint")) {
		return 1
	}
	return 0
}

// showProblem tells the person what is wrong with a request that cannot be
// answered to the client. Programs that do not ask for HTML get the sentence
// alone.
func (p *Provider) showProblem(w http.ResponseWriter, r *http.Request, problem string) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, problem+"\n") // the client is gone: nobody is left to tell
		return
	}
	show(w, http.StatusBadRequest, page{Title: "This request cannot go on", Problem: problem})
}

func (p *Provider) showSignedOut(w http.ResponseWriter) {
	show(w, http.StatusOK, page{Title: "You are signed out"})
}

func show(w http.ResponseWriter, status int, shown page) {
	shown.Style = template.CSS(pageCSS)
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, shown); err != nil {
		http.Error(w, fmt.Sprintf("ginauthtest: page: %v", err), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the browser is gone: nobody is left to tell
}
