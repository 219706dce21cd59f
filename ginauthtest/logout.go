package ginauthtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// serveLogout takes RP-initiated logout (OIDC RP-Initiated Logout §2, §3).
// This provider keeps no sessions, so it ends none; it tests the client's request and
// where the browser goes next.
func (p *Provider) serveLogout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			p.showProblem(w, r, "The form is not readable.")
			return
		}
		q = r.PostForm
	}
	if problem := p.checkLogout(q); problem != "" {
		p.showProblem(w, r, problem)
		return
	}
	if !q.Has("post_logout_redirect_uri") {
		p.showSignedOut(w)
		return
	}
	answer := url.Values{}
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	location, err := withQuery(q.Get("post_logout_redirect_uri"), answer)
	if err != nil {
		p.showProblem(w, r, "The post_logout_redirect_uri is not a URI.")
		return
	}
	redirect(w, r, location)
}

func (p *Provider) checkLogout(q url.Values) (problem string) {
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} {
		if len(q[name]) > 1 {
			return "There is more than one " + name + "."
		}
	}
	if q.Has("client_id") && q.Get("client_id") != p.cfg.ClientID {
		return fmt.Sprintf("The client_id is not %q.", p.cfg.ClientID)
	}
	if q.Has("id_token_hint") && !p.isOwnToken(q.Get("id_token_hint")) {
		return "The id_token_hint is not an ID token that this provider issued to the client."
	}
	if !q.Has("post_logout_redirect_uri") {
		return ""
	}
	if !q.Has("id_token_hint") && !q.Has("client_id") {
		return "A post_logout_redirect_uri needs an id_token_hint or a client_id."
	}
	if err := p.checkLogoutURI(q.Get("post_logout_redirect_uri")); err != nil {
		return fmt.Sprintf("The post_logout_redirect_uri is refused: %v.", err)
	}
	return ""
}

// isOwnToken accepts an expired token: people sign out late.
func (p *Provider) isOwnToken(token string) bool {
	claims, err := p.keys.open(token)
	if err != nil || claims["iss"] != p.issuer || claims["aud"] != p.cfg.ClientID {
		return false
	}
	return slices.ContainsFunc(p.cfg.People, func(person Person) bool { return claims["sub"] == person.Subject })
}
