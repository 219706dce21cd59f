package ginauthtest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxForm is the size, in bytes, that a form sent to the provider may have.
const maxForm = 1 << 20

// Fields of the sign-in page's form, beside the authorization request's own.
const (
	fieldSubject = "subject"
	fieldCancel  = "cancel"
)

// authorizationParams are those that the provider reads. Each may be there
// once (RFC 6749 §3.1); others are ignored and not carried on.
var authorizationParams = [...]string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "login_hint", "prompt", "request", "request_uri",
}

// serveAuthorize shows the sign-in page, and takes its form. The form carries
// the request, and the request is checked again: what comes back from a
// browser need not be what the page sent.
func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			p.showProblem(w, r, "The form is not readable.")
			return
		}
		q = r.PostForm
	}
	// Without a proven client and redirect URI, no answer is redirected: that would make
	// the provider an open redirector (RFC 6749 §4.1.2.1).
	if problem := p.checkClient(q); problem != "" {
		p.showProblem(w, r, problem)
		return
	}
	if refusal := p.checkAuthorization(q); refusal != nil {
		p.refuse(w, r, q, *refusal)
		return
	}
	switch {
	case r.Method == http.MethodPost && q.Has(fieldCancel):
		p.refuse(w, r, q, protocolError{"access_denied", "the person cancelled"})
	case r.Method == http.MethodPost && q.Has(fieldSubject):
		p.approve(w, r, q)
	default:
		p.showChooser(w, q)
	}
}

// checkClient says what is wrong with the client or its redirect URI, in
// words for the person at the browser.
func (p *Provider) checkClient(q url.Values) (problem string) {
	if len(q["client_id"]) != 1 || q.Get("client_id") != p.cfg.ClientID {
		return fmt.Sprintf("The client_id is not %q.", p.cfg.ClientID)
	}
	if len(q["redirect_uri"]) != 1 {
		return "There is not exactly one redirect_uri."
	}
	if err := p.checkRedirectURI(q.Get("redirect_uri")); err != nil {
		return fmt.Sprintf("The redirect_uri is refused: %v.", err)
	}
	return ""
}

// checkAuthorization says what is wrong with the rest of the request, in
// words for the client.
func (p *Provider) checkAuthorization(q url.Values) *protocolError {
	for _, name := range authorizationParams {
		if len(q[name]) > 1 {
			return &protocolError{"invalid_request", name + " is there more than once"}
		}
	}
	switch {
	case q.Get("response_type") == "":
		return &protocolError{"invalid_request", "response_type is missing"}
	case q.Get("response_type") != "code":
		return &protocolError{"unsupported_response_type", "response_type must be code"}
	case q.Has("response_mode") && q.Get("response_mode") != "query" && q.Get("response_mode") != formPost:
		return &protocolError{"invalid_request", "response_mode must be query or form_post"}
	case q.Has("request"):
		return &protocolError{"request_not_supported", "request objects are not supported"}
	case q.Has("request_uri"):
		return &protocolError{"request_uri_not_supported", "request objects are not supported"}
	case !isVisible(q.Get("state")) || !isVisible(q.Get("nonce")):
		return &protocolError{"invalid_request", "state and nonce must be printable ASCII"}
	case slices.Contains(strings.Fields(q.Get("prompt")), "none"):
		// There are no sessions here, so a person would have to be asked.
		return &protocolError{"login_required", "nobody is signed in"}
	}
	return p.checkChallenge(q)
}

// checkChallenge admits an S256 challenge (RFC 7636 §4.3). An absent method
// means plain, which shows the verifier to anyone who sees the request.
func (p *Provider) checkChallenge(q url.Values) *protocolError {
	challenge, method := q.Get("code_challenge"), q.Get("code_challenge_method")
	if !q.Has("code_challenge") {
		if !p.cfg.AllowNoPKCE || q.Has("code_challenge_method") {
			return &protocolError{"invalid_request", "code_challenge is missing"}
		}
		return nil
	}
	if method != "S256" {
		return &protocolError{"invalid_request", "code_challenge_method must be S256"}
	}
	if hash, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(hash) != 32 {
		return &protocolError{"invalid_request", "code_challenge is not the base64url of a SHA-256 hash"}
	}
	return nil
}

// approve issues a code to the client for the person who was chosen.
func (p *Provider) approve(w http.ResponseWriter, r *http.Request, q url.Values) {
	person, ok := p.person(q.Get(fieldSubject))
	if !ok {
		p.showProblem(w, r, fmt.Sprintf("There is nobody with the subject %q.", q.Get(fieldSubject)))
		return
	}
	now := p.cfg.Now()
	code := p.grants.newCode(&grant{
		person:      person,
		redirectURI: q.Get("redirect_uri"),
		scopes:      strings.Fields(q.Get("scope")),
		nonce:       q.Get("nonce"),
		challenge:   q.Get("code_challenge"),
		authTime:    now,
		sessionID:   rand.Text(),
	}, now)
	p.respond(w, r, q, url.Values{"code": {code}})
}

// person is who has a subject.
func (p *Provider) person(subject string) (Person, bool) {
	i := slices.IndexFunc(p.cfg.People, func(person Person) bool { return person.Subject == subject })
	if i < 0 {
		return Person{}, false
	}
	return p.cfg.People[i], true
}

// refuse sends the client an error (RFC 6749 §4.1.2.1).
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, q url.Values, refusal protocolError) {
	p.respond(w, r, q, url.Values{"error": {refusal.code}, "error_description": {refusal.description}})
}

// respond sends the browser back to the client with its state and the issuer
// (RFC 9207 §2), in errors too: by a redirect, or by a form where the client asks
// for response_mode=form_post.
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	answer.Set("iss", p.issuer)
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	if tamper := p.lies.load().response; tamper != nil {
		tamper(answer)
	}
	if len(q["response_mode"]) == 1 && q.Get("response_mode") == formPost {
		showFormPost(w, q.Get("redirect_uri"), answer)
		return
	}
	location, err := withQuery(q.Get("redirect_uri"), answer)
	if err != nil {
		p.showProblem(w, r, "The redirect_uri is not a URI.")
		return
	}
	redirect(w, r, location)
}

// redirect answers 303 to a form, so that the browser does not send it on.
func redirect(w http.ResponseWriter, r *http.Request, location string) {
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.Header().Set("Location", location)
	w.WriteHeader(status)
}

// isVisible tells whether text is made of VSCHAR (RFC 6749 appendix A). Other
// bytes do not survive a form: browsers rewrite line ends.
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
