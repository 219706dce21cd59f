package ginauthtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// serveToken answers the token request (RFC 6749 §4.1.3, §6). The client
// proves itself first: a stranger must not be able to spend a code.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	arrived := recorded(r)
	for name, values := range arrived.Form {
		if len(values) > 1 {
			refuseToken(w, http.StatusBadRequest, protocolError{"invalid_request", name + " is there more than once"})
			return
		}
	}
	if refusal := p.authenticate(r, arrived); refusal != nil {
		status := http.StatusBadRequest
		if refusal.code == "invalid_client" {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Basic realm="ginauthtest", charset="UTF-8"`)
		}
		refuseToken(w, status, *refusal)
		return
	}

	now := p.cfg.Now()
	answer, err := p.exchange(arrived.Form, now)
	if err != nil {
		refusal, ok := err.(protocolError)
		if !ok {
			refuseToken(w, http.StatusInternalServerError, protocolError{"server_error", err.Error()})
			return
		}
		refuseToken(w, http.StatusBadRequest, refusal)
		return
	}
	p.requests.accept(arrived)
	if tamper := p.lies.load().token; tamper != nil {
		tamper(answer)
	}
	writeJSON(w, http.StatusOK, answer)
}

// authenticate takes client_secret_basic or client_secret_post, and not both
// (RFC 6749 §2.3).
func (p *Provider) authenticate(r *http.Request, arrived *TokenRequest) *protocolError {
	form := arrived.Form
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") != "" {
		switch {
		case form.Has("client_secret"):
			return &protocolError{"invalid_request", "the client authenticates in two ways"}
		case form.Has("client_id") && id != arrived.BasicUser:
			return &protocolError{"invalid_request", "client_id is another than in the Authorization header"}
		}
		id, secret = arrived.BasicUser, arrived.BasicPassword
	}
	// Both are compared always, so that time does not tell which was wrong.
	if equal(id, p.cfg.ClientID)&equal(secret, p.cfg.ClientSecret) != 1 {
		return &protocolError{"invalid_client", "unknown client or wrong secret"}
	}
	return nil
}

// equal compares in a time that depends neither on where the two differ nor,
// by way of the hash, on their lengths.
func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

func (p *Provider) exchange(form url.Values, now time.Time) (map[string]any, error) {
	switch form.Get("grant_type") {
	case "authorization_code":
		granted, err := p.exchangeCode(form, now)
		if err != nil {
			return nil, err
		}
		return p.answer(granted, granted.scopes, granted.nonce, now)
	case "refresh_token":
		granted, scopes, err := p.grants.spendRefresh(form.Get("refresh_token"), now, func(had []string) ([]string, error) {
			return narrow(had, form)
		})
		if err != nil {
			return nil, err
		}
		// A refreshed ID token has no nonce (OIDC Core §12.2).
		return p.answer(granted, scopes, "", now)
	case "":
		return nil, protocolError{"invalid_request", "grant_type is missing, or the body is not a form"}
	default:
		return nil, protocolError{"unsupported_grant_type", "grant_type must be authorization_code or refresh_token"}
	}
}

func (p *Provider) exchangeCode(form url.Values, now time.Time) (*grant, error) {
	if form.Get("code") == "" {
		return nil, protocolError{"invalid_request", "code is missing"}
	}
	granted, err := p.grants.spendCode(form.Get("code"), now)
	if err != nil {
		return nil, err
	}
	if form.Get("redirect_uri") != granted.redirectURI {
		return nil, protocolError{"invalid_grant", "redirect_uri is another than in the authorization request"}
	}
	if err := checkVerifier(form, granted.challenge); err != nil {
		return nil, err
	}
	return granted, nil
}

// checkVerifier holds the verifier against the challenge (RFC 7636 §4.6). A
// verifier without a challenge shows that the challenge was removed from
// the authorization request (RFC 9700 §4.8.2).
func checkVerifier(form url.Values, challenge string) error {
	verifier := form.Get("code_verifier")
	if challenge == "" {
		if form.Has("code_verifier") {
			return protocolError{"invalid_grant", "code_verifier without a code_challenge"}
		}
		return nil
	}
	if !isVerifier(verifier) {
		return protocolError{"invalid_grant", "code_verifier is missing or malformed"}
	}
	sum := sha256.Sum256([]byte(verifier))
	if equal(base64.RawURLEncoding.EncodeToString(sum[:]), challenge) != 1 {
		return protocolError{"invalid_grant", "code_verifier does not match the code_challenge"}
	}
	return nil
}

// isVerifier tells whether a code verifier has the form of RFC 7636 §4.1.
func isVerifier(verifier string) bool {
	const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	return len(verifier) >= 43 && len(verifier) <= 128 && strings.Trim(verifier, unreserved) == ""
}

// narrow answers the scopes that a refresh asks for: those it had, or fewer
// (RFC 6749 §6).
func narrow(had []string, form url.Values) ([]string, error) {
	asked := strings.Fields(form.Get("scope"))
	if len(asked) == 0 {
		return had, nil
	}
	for _, scope := range asked {
		if !slices.Contains(had, scope) {
			return nil, protocolError{"invalid_scope", "scope was not granted"}
		}
	}
	return asked, nil
}

// answer issues tokens. There is an ID token where the scope has openid, and a
// refresh token always.
func (p *Provider) answer(granted *grant, scopes []string, nonce string, now time.Time) (map[string]any, error) {
	access, err := p.accessToken(granted, scopes, now)
	if err != nil {
		return nil, err
	}
	refresh := p.grants.issue(granted, access, scopes, now)
	answer := map[string]any{
		"access_token":  access,
		"token_type":    "Bearer",
		"expires_in":    int64(p.cfg.TokenLifetime / time.Second),
		"refresh_token": refresh,
	}
	if len(scopes) > 0 {
		answer["scope"] = strings.Join(scopes, " ")
	}
	if slices.Contains(scopes, "openid") {
		idToken, err := p.idToken(granted, scopes, nonce, access, now)
		if err != nil {
			return nil, err
		}
		answer["id_token"] = idToken
	}
	return answer, nil
}

// idToken signs what the client may know of the person (OIDC Core §2).
func (p *Provider) idToken(granted *grant, scopes []string, nonce, access string, now time.Time) (string, error) {
	lie := p.lies.load()
	claims := granted.person.claims(scopes)
	claims["iss"] = p.issuer
	claims["aud"] = p.cfg.ClientID
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(p.cfg.TokenLifetime).Unix()
	claims["auth_time"] = granted.authTime.Unix()
	claims["sid"] = granted.sessionID
	claims["at_hash"] = p.keys.accessTokenHash(access)
	delete(claims, "nonce")
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if lie.claims != nil {
		lie.claims(claims)
	}
	return p.keys.sign(claims, lie.signature, typeJWT)
}

func refuseToken(w http.ResponseWriter, status int, refusal protocolError) {
	writeJSON(w, status, map[string]string{"error": refusal.code, "error_description": refusal.description})
}
