package providers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// The client at every service. Its secret must not reach any page or log, and its
// identifier has what must be escaped.
const (
	clientID     = "client-of-a:test"
	clientSecret = "leaked-client-secret+/= 0123456789"
)

// A person has an account at a service.
type person struct {
	ID, Name, Email, Image string // an ID that services with numbers take too
	Verified               bool
}

func (p person) first() string { first, _, _ := strings.Cut(p.Name, " "); return first }
func (p person) last() string  { _, last, _ := strings.Cut(p.Name, " "); return last }

// number is the ID as a JSON number; that of nobody is missing.
func (p person) number() any {
	if p.ID == "" {
		return nil
	}
	return json.Number(p.ID)
}

var (
	ada     = person{"1001", "Ada Lovelace", "Ada@Example.com", "https://pictures.example/ada.png", true}
	grace   = person{"1002", "Grace Hopper", "grace@example.com", "https://pictures.example/grace.png", false}
	nobody  = person{"", "No Body", "nobody@example.com", "https://pictures.example/nobody.png", true}
	hostile = person{"1003", "Mal Lory", "mallory@example.com", "javascript:alert(1)", true}
)

// fake is a service: strict where a client could be careless, and with a fault
// where a test puts one.
type fake struct {
	t       testing.TB
	fixture fixture
	*httptest.Server
	key *ecdsa.PrivateKey

	mu      sync.Mutex
	grants  map[string]grant  // by code
	access  map[string]person // by access token
	tokens  []url.Values      // the token requests
	reached []string          // all requests
	secrets []string          // what was given out, and must not be repeated
	breaks  map[string]http.HandlerFunc
	padded  string // the endpoint whose answer is too long
}

type grant struct {
	person
	redirect, challenge, nonce string
}

func newFake(t testing.TB, fix fixture) *fake {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, fixture: fix, key: key,
		grants: map[string]grant{}, access: map[string]person{}, breaks: map[string]http.HandlerFunc{},
		secrets: []string{clientSecret},
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// meant is the header with the URL that a request was sent to before RoundTrip led
// it to the fake.
const meant = "X-Meant"

// RoundTrip is the transport to the service, as ginauth gets it.
func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	if deadline, ok := req.Context().Deadline(); !ok || time.Until(deadline) > 10*time.Second {
		f.t.Errorf("the request to %s has no deadline within ten seconds", req.URL.Host)
	}
	to := req.Clone(req.Context())
	to.Header.Set(meant, req.URL.String())
	to.URL.Scheme, to.URL.Host, to.Host = "http", f.Listener.Addr().String(), ""
	return f.Client().Transport.RoundTrip(to)
}

func (f *fake) add(list *[]string, s ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*list = append(*list, s...)
}

// breakdown makes the token or profile endpoint answer with h.
func (f *fake) breakdown(endpoint string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.breaks[endpoint] = h
}

// pad makes an endpoint's answer, right as it is, longer than a megabyte.
func (f *fake) pad(endpoint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.padded = endpoint
}

func (f *fake) fault(endpoint string) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.breaks[endpoint]
}

// tokenRequests are how many there were.
func (f *fake) tokenRequests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.tokens)
}

// approve is the person at the authorization endpoint, who agrees. It answers
// where the browser is sent.
func (f *fake) approve(authURL string, p person) *url.URL {
	f.t.Helper()
	u, err := url.Parse(authURL)
	if err != nil {
		f.t.Fatal(err)
	}
	q := u.Query()
	if got := u.Scheme + "://" + u.Host + u.Path; got != f.fixture.authorize {
		f.t.Errorf("the browser is sent to %s, want %s", got, f.fixture.authorize)
	}
	for name, values := range q {
		if len(values) != 1 {
			f.t.Errorf("%s stands %d times in the authorization URL", name, len(values))
		}
	}
	for name, want := range map[string]string{f.fixture.clientName(): clientID, "response_type": "code", "scope": f.fixture.scope, "perms": f.fixture.perms} {
		if q.Get(name) != want {
			f.t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if len(q.Get("state")) < 43 {
		f.t.Errorf("state is %q", q.Get("state"))
	}
	if _, hidden := q["client_secret"]; hidden || strings.Contains(authURL, url.QueryEscape(clientSecret)) {
		f.t.Error("the client secret is in the authorization URL")
	}
	if pkce := q.Get("code_challenge_method") == "S256" && len(q.Get("code_challenge")) == 43; pkce == f.fixture.noPKCE {
		f.t.Errorf("code_challenge is %q of method %q", q.Get("code_challenge"), q.Get("code_challenge_method"))
	}
	if (len(q.Get("nonce")) >= 43) != (f.fixture.issuer != "") {
		f.t.Errorf("nonce is %q", q.Get("nonce"))
	}
	code := "leaked-code-" + rand.Text()
	f.add(&f.secrets, code, q.Get("state"))
	f.mu.Lock()
	f.grants[code] = grant{p, q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce")}
	f.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Path == "" {
		f.t.Fatalf("redirect_uri is %q", q.Get("redirect_uri"))
	}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if f.fixture.echoes != "" {
		answer.Set(f.fixture.echoes, "device-of-"+p.ID)
	}
	if (q.Get("response_mode") == "form_post") != f.fixture.post {
		f.t.Errorf("response_mode is %q", q.Get("response_mode"))
	}
	if f.fixture.post {
		name, _ := json.Marshal(obj{"name": obj{"firstName": p.first(), "lastName": p.last()}})
		answer.Set("user", string(name))
	}
	back.RawQuery = answer.Encode()
	return back
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, err := url.Parse(r.Header.Get(meant))
	if err != nil || target.Host == "" {
		f.t.Errorf("a request came past the transport: %s", r.URL)
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	place := target.Scheme + "://" + target.Host + target.Path
	f.add(&f.reached, place)
	switch {
	case place == f.fixture.token:
		f.serveToken(w, r)
	case strings.Contains(f.fixture.keySet, place):
		if metadata, keys, _ := strings.Cut(f.fixture.keySet, " "); place == metadata {
			f.serveJSON(w, "discovery", obj{"issuer": "https://" + target.Host, "jwks_uri": keys})
			return
		}
		f.serveDiscovery(w, "keys")
	default:
		if what, ok := f.fixture.discovered(target); ok {
			f.serveDiscovery(w, what)
			return
		}
		f.serveProfile(w, r, target)
	}
}

func (f *fake) serveToken(w http.ResponseWriter, r *http.Request) {
	f.readForm(r)
	form := r.PostForm
	f.mu.Lock()
	f.tokens = append(f.tokens, form)
	g, known := f.grants[form.Get("code")]
	f.secrets = append(f.secrets, form.Get("code_verifier"))
	f.mu.Unlock()
	for name, values := range form {
		if len(values) != 1 {
			f.t.Errorf("%s stands %d times in the token request", name, len(values))
		}
	}
	f.authenticated(r)
	if form.Get("grant_type") != "authorization_code" {
		f.t.Errorf("grant_type is %q", form.Get("grant_type"))
	}
	if broken := f.fault("token"); broken != nil {
		broken(w, r)
		return
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	verified := base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
	if f.fixture.noPKCE {
		verified = !form.Has("code_verifier")
	}
	if echo := f.fixture.echoes; echo != "" && form.Get(echo) != "device-of-"+g.ID {
		verified = false
	}
	if !known || !verified || form.Get("redirect_uri") != g.redirect {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	f.mu.Lock()
	delete(f.grants, form.Get("code"))
	f.mu.Unlock()
	if f.fixture.text {
		w = plainText{w}
	}
	f.serveJSON(w, "token", f.answer(g))
}

// plainText calls an answer text, as WeChat does.
type plainText struct{ http.ResponseWriter }

func (p plainText) Write(b []byte) (int, error) {
	p.Header().Set("Content-Type", "text/plain")
	return p.ResponseWriter.Write(b)
}

// readForm reads the token request, in the form that the service has, into
// r.PostForm, under the names that the protocol has.
func (f *fake) readForm(r *http.Request) {
	want := http.MethodPost
	if f.fixture.get {
		want = http.MethodGet
	}
	if r.Method != want {
		f.t.Errorf("token request: %s", r.Method)
	}
	switch {
	case f.fixture.get:
		u, _ := url.Parse(r.Header.Get(meant))
		r.PostForm = u.Query()
	case f.fixture.json:
		var object map[string]string
		if err := json.NewDecoder(r.Body).Decode(&object); err != nil || r.Header.Get("Content-Type") != "application/json" {
			f.t.Errorf("token request: %v", err)
		}
		r.PostForm = url.Values{}
		for name, value := range object {
			r.PostForm.Set(name, value)
		}
	default:
		if err := r.ParseForm(); err != nil {
			f.t.Errorf("token request: %v", err)
		}
	}
	for theirs, ours := range map[string]string{f.fixture.clientName(): "client_id", f.fixture.secretName: "client_secret"} {
		if theirs != "" && theirs != ours {
			r.PostForm[ours] = r.PostForm[theirs]
			delete(r.PostForm, theirs)
		}
	}
}

func (f fixture) clientName() string {
	if f.client != "" {
		return f.client
	}
	return "client_id"
}

// answer is that of the token endpoint.
func (f *fake) answer(g grant) map[string]any {
	access, refresh := "leaked-access-"+rand.Text(), "leaked-refresh-"+rand.Text()
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh}
	if f.fixture.issuer != "" {
		now := time.Now()
		claims := f.fixture.claims(g.person)
		maps.Copy(claims, map[string]any{
			"iss": f.fixture.issuer, "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": g.nonce,
		})
		if f.fixture.noNonce {
			delete(claims, "nonce")
		}
		answer["id_token"] = f.sign(claims)
		f.add(&f.secrets, answer["id_token"].(string))
	}
	if f.fixture.signs != nil {
		claims := f.fixture.signs(g.person)
		maps.Copy(claims, map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
		access = f.sign(claims)
		answer["access_token"] = access
	}
	if f.fixture.answer != nil {
		f.fixture.answer(g.person, answer)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.access[access] = g.person
	f.secrets = append(f.secrets, access, refresh)
	return answer
}

// authenticated fails the test unless the client authenticates once, in the place
// where the service reads it (RFC 6749 §2.3.1).
func (f *fake) authenticated(r *http.Request) {
	id, secret, header := r.BasicAuth()
	if header {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	}
	inForm := r.PostForm.Has("client_secret")
	right := func(secret string) bool { return secret == clientSecret }
	if f.fixture.secret != nil {
		right = f.fixture.secret
		f.add(&f.secrets, r.PostForm.Get("client_secret"))
	}
	if !f.fixture.get && (r.URL.Query().Has("client_secret") || strings.Contains(r.Header.Get(meant), "client_secret")) {
		f.t.Error("the client secret is in the token endpoint's URL")
	}
	switch f.fixture.style {
	case oauth2.AuthStyleInHeader:
		if inForm || id != clientID || !right(secret) {
			f.t.Errorf("the client authenticates as %q in the header, also in the form: %v", id, inForm)
		}
	case oauth2.AuthStyleInParams:
		if header || r.PostForm.Get("client_id") != clientID || !right(r.PostForm.Get("client_secret")) {
			f.t.Errorf("the client authenticates as %q in the form, also in the header: %v", r.PostForm.Get("client_id"), header)
		}
	default:
		if header == inForm {
			f.t.Errorf("the client authenticates in the header: %v, in the form: %v", header, inForm)
		}
	}
}

func (f *fake) serveProfile(w http.ResponseWriter, r *http.Request, target *url.URL) {
	access := f.bearer(r, target)
	f.mu.Lock()
	p, known := f.access[access]
	f.mu.Unlock()
	place := target.Scheme + "://" + target.Host + strings.ReplaceAll(target.Path, access, "{token}")
	profile, ok := f.fixture.profiles[place]
	if !ok {
		f.t.Errorf("a request to %s, of which the service has nothing", place)
		http.NotFound(w, r)
		return
	}
	if !known {
		f.t.Errorf("the request to %s has no access token where the service reads it", place)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if name := f.fixture.asks; name != "" && !target.Query().Has(name) {
		f.t.Errorf("the request to %s lacks %s", place, name)
	}
	for _, endpoint := range f.endpoints(place) {
		if broken := f.fault(endpoint); broken != nil {
			broken(w, r)
			return
		}
	}
	f.serveJSON(w, "profile", profile(p))
}

// endpoints are what a test may break a place by.
func (f *fake) endpoints(place string) []string {
	if len(f.fixture.profiles) > 1 && strings.Contains(place, "emails") {
		return []string{"profile", "emails"}
	}
	return []string{"profile"}
}

// bearer is the access token, from the one place where the service reads it.
func (f *fake) bearer(r *http.Request, target *url.URL) string {
	where, name, _ := strings.Cut(f.fixture.access, ":")
	switch where {
	case "query":
		return target.Query().Get(name)
	case "form":
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
			f.t.Errorf("profile request: %s, %v", r.Method, err)
		}
		return r.PostForm.Get(name)
	case "path":
		return target.Path[strings.LastIndexByte(target.Path, '/')+1:]
	case "basic":
		access, _, _ := r.BasicAuth()
		return access
	case "scheme":
		access, _ := strings.CutPrefix(r.Header.Get("Authorization"), name+" ")
		return access
	}
	if target.Query().Has("access_token") {
		f.t.Error("the access token is in a URL")
	}
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return access
}

func (f *fake) serveJSON(w http.ResponseWriter, endpoint string, v any) {
	w.Header().Set("Content-Type", "application/json")
	f.mu.Lock()
	padded := f.padded == endpoint
	f.mu.Unlock()
	if padded {
		_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20)) // and what follows
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Error(err)
	}
}

// leaks names what a text repeats of what the service or the client hold secret,
// be it only its beginning.
func (f *fake) leaks(text string) string {
	f.mu.Lock()
	secrets := slices.Clone(f.secrets)
	f.mu.Unlock()
	for _, s := range secrets {
		if len(s) < 16 {
			continue
		}
		if head := s[:22]; strings.Contains(text, head) || strings.Contains(text, url.QueryEscape(head)) {
			return fmt.Sprintf("%q", head)
		}
	}
	return ""
}
