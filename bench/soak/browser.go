package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/token"
)

// sessionCookie is the name of the session cookie, on http.
const sessionCookie = "next-auth.session-token"

// A browser is one of many, with connections, cookies and an address of its own.
// It knows who is signed in at it, and checks that each answer says so.
type browser struct {
	site    string
	stored  bool // sessions are in a store, and end for good at sign-out
	people  []ginauthtest.Person
	address string
	random  *rand.Rand
	plain   *http.Client // to the provider, and without cookies

	client *http.Client
	person *ginauthtest.Person // nil: signed out
	note   string
	csrf   string
	former string // the last session that was ended here

	counts
}

// counts are of all the time.
type counts struct {
	signOuts int
	updates  int // of sessions that are sealed in the cookie
}

// newBrowser makes the browser of that number. People are its own: no other
// browser signs in as them.
func newBrowser(number int, site string, stored bool, people []ginauthtest.Person) *browser {
	b := &browser{
		site: site, stored: stored, people: people,
		address: fmt.Sprintf("198.18.%d.%d", number/250, 1+number%250), // of RFC 2544, for benchmarks
		random:  rand.New(rand.NewPCG(1, uint64(number))),
		plain:   newClient(nil),
	}
	b.forget()
	return b
}

// forget begins anew, as a private window does.
func (b *browser) forget() {
	if b.client != nil {
		b.client.CloseIdleConnections()
	}
	jar, _ := cookiejar.New(nil) // its error is always nil
	b.client = newClient(jar)
	b.person, b.note, b.csrf, b.former = nil, "", "", ""
}

func newClient(jar http.CookieJar) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2},
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// leave closes all connections.
func (b *browser) leave() {
	b.client.CloseIdleConnections()
	b.plain.CloseIdleConnections()
}

// An answer is one that has been read to its end.
type answer struct {
	status   int
	body     []byte
	location string
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// fetch sends a request; a body that is not a form is sent as JSON.
func (b *browser) fetch(client *http.Client, method, target string, body any, cookie string) (answer, error) {
	var reader io.Reader
	contentType := ""
	switch body := body.(type) {
	case nil:
	case url.Values:
		reader, contentType = strings.NewReader(body.Encode()), "application/x-www-form-urlencoded"
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		reader, contentType = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequest(method, target, reader)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Forwarded-For", b.address)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if cookie != "" {
		req.Header.Set("Cookie", sessionCookie+"="+cookie)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return answer{res.StatusCode, raw, res.Header.Get("Location")}, err
}

// ask is fetch with the browser's cookies, of an answer that has to be JSON with
// that status.
func (b *browser) ask(method, path string, body any, status int, into any) error {
	got, err := b.fetch(b.client, method, b.site+path, body, "")
	if err != nil {
		return err
	}
	if got.status != status {
		return fmt.Errorf("%s %s answered %s, want %d", method, path, got, status)
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return fmt.Errorf("%s %s answered %s: %w", method, path, got, err)
	}
	return nil
}

// signIn goes all the way: from the sign-in page's form to the provider, where it
// presses the button of one of its people, and back.
func (b *browser) signIn() error {
	person := &b.people[b.random.IntN(len(b.people))]
	var csrf struct{ CSRFToken string }
	if err := b.ask(http.MethodGet, "/api/auth/csrf", nil, http.StatusOK, &csrf); err != nil {
		return err
	}
	home := b.site + "/me"
	var to struct{ URL string }
	form := url.Values{"csrfToken": {csrf.CSRFToken}, "callbackUrl": {home}, "json": {"true"}}
	if err := b.ask(http.MethodPost, "/api/auth/signin/"+providerID, form, http.StatusOK, &to); err != nil {
		return err
	}
	callback, err := b.choose(to.URL, person)
	if err != nil {
		return err
	}
	back, err := b.fetch(b.client, http.MethodGet, callback, nil, "")
	switch {
	case err != nil:
		return err
	case back.status != http.StatusFound || back.location != home:
		return fmt.Errorf("the callback answered %s and leads to %q, want 302 to %s", back, back.location, home)
	case b.session() == "":
		return errors.New("the callback set no session cookie")
	}
	b.csrf, b.person, b.note = csrf.CSRFToken, person, ""
	return nil
}

// choose presses a person's button on the provider's page, and returns where the
// provider leads then.
func (b *browser) choose(authorizationURL string, person *ginauthtest.Person) (string, error) {
	page, err := url.Parse(authorizationURL)
	if err != nil {
		return "", err
	}
	form := page.Query()
	form.Set("subject", person.Subject)
	page.RawQuery = ""
	got, err := b.fetch(b.plain, http.MethodPost, page.String(), form, "")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(got.location, b.site+"/api/auth/callback/"+providerID+"?") {
		return "", fmt.Errorf("the provider answered %s and leads to %q", got, got.location)
	}
	return got.location, nil
}

// session is the value of the session cookie, empty if there is none.
func (b *browser) session() string {
	site, err := url.Parse(b.site)
	if err != nil {
		return ""
	}
	for _, cookie := range b.client.Jar.Cookies(site) {
		if cookie.Name == sessionCookie {
			return cookie.Value
		}
	}
	return ""
}

// guarded opens what only the person may see.
func (b *browser) guarded() error {
	var got me
	if err := b.ask(http.MethodGet, "/me", nil, http.StatusOK, &got); err != nil {
		return err
	}
	if want := (me{b.person.Subject, b.person.Email, b.note}); got != want {
		return fmt.Errorf("GET /me is of %+v, want %+v", got, want)
	}
	return nil
}

// state is the answer to GET session.
type state struct {
	User struct{ Email string }
	Note string
}

// read asks for the session, as a page does when it is shown.
func (b *browser) read() error {
	var got state
	if err := b.ask(http.MethodGet, "/api/auth/session", nil, http.StatusOK, &got); err != nil {
		return err
	}
	return b.recognise(got)
}

func (b *browser) recognise(got state) error {
	var want state
	if b.person != nil {
		want.User.Email, want.Note = b.person.Email, b.note
	}
	if got != want {
		return fmt.Errorf("the session is %+v, want %+v", got, want)
	}
	return nil
}

// update writes a note into the session that no other has.
func (b *browser) update() error {
	b.note = token.NewID()
	var got state
	body := map[string]any{"csrfToken": b.csrf, "data": map[string]string{noteClaim: b.note}}
	if err := b.ask(http.MethodPost, "/api/auth/session", body, http.StatusOK, &got); err != nil {
		return err
	}
	if !b.stored {
		b.updates++
	}
	return b.recognise(got)
}

// profile asks the provider as the person, through the site.
func (b *browser) profile() error {
	var got profile
	if err := b.ask(http.MethodGet, "/profile", nil, http.StatusOK, &got); err != nil {
		return err
	}
	if want := (profile{b.person.Subject, b.person.Subject}); got != want {
		return fmt.Errorf("GET /profile is of %+v, want %+v", got, want)
	}
	return nil
}

// signOut ends the session.
func (b *browser) signOut() error {
	former := b.session()
	var to struct{ URL string }
	form := url.Values{"csrfToken": {b.csrf}, "callbackUrl": {b.site + "/"}, "json": {"true"}}
	if err := b.ask(http.MethodPost, "/api/auth/signout", form, http.StatusOK, &to); err != nil {
		return err
	}
	if to.URL != b.site+"/" || b.session() != "" {
		return fmt.Errorf("signing out leads to %q, and the cookie is %q", to.URL, b.session())
	}
	b.person, b.note, b.former = nil, "", former
	b.signOuts++
	return nil
}

// signedOut comes without a session; forged with one that nobody sealed; ended with
// one that was signed out of. All have to be refused.
func (b *browser) signedOut() error { return b.refused("") }

func (b *browser) forged() error {
	value := b.session()
	if value == "" {
		return b.refused(token.Random())
	}
	middle := len(value) / 2
	other := "A"
	if value[middle] == 'A' {
		other = "B"
	}
	return b.refused(value[:middle] + other + value[middle+1:])
}

func (b *browser) ended() error { return b.refused(b.former) }

func (b *browser) refused(cookie string) error {
	got, err := b.fetch(b.plain, http.MethodGet, b.site+"/me", nil, cookie)
	if err != nil {
		return err
	}
	var refusal struct{ Error string }
	if err := json.Unmarshal(got.body, &refusal); err != nil || got.status != http.StatusUnauthorized || refusal.Error != "SessionRequired" {
		return fmt.Errorf("GET /me answered %s, want 401 SessionRequired", got)
	}
	return nil
}
