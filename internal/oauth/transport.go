package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/redact"
)

// binding is the transport of one step of one sign-in. goth's requests have no
// context and no code verifier; both are put in here.
type binding struct {
	request
	ctx       context.Context
	base      http.RoundTripper
	style     oauth2.AuthStyle // where the service reads the client's secret, if known
	header    bool             // the service reads access tokens in the header
	addresses string           // where the service lists addresses; empty where it does not
	injected  atomic.Bool      // a token request got the code verifier
	refreshed atomic.Bool      // one had a refresh token

	mu      sync.Mutex
	answer  map[string]any // the token endpoint's last successful answer
	refusal *refusal       // its last answer that a further request cannot change
	spent   error          // why the refresh token may have been used up
	missing string         // the address of the last request that was answered 404
}

// refusal is what came of a token request that a further one cannot change.
type refusal struct {
	res  http.Response
	body []byte
	err  error
}

func (b *binding) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(b.ctx)
	form, grant, err := tokenRequest(req)
	if err != nil {
		return nil, err
	}
	if grant != "" {
		if res, err := b.refused(req); res != nil || err != nil {
			return res, err
		}
		b.authenticate(req, form)
	}
	switch grant {
	case codeGrant:
		form.Set("redirect_uri", b.redirectURL)
		if b.verifier != "" {
			form.Set("code_verifier", b.verifier)
		}
		setBody(req, form.Encode())
	case refreshGrant:
		setBody(req, form.Encode())
		if err := b.spend(); err != nil {
			return nil, err
		}
	}
	if grant == "" && b.header {
		tokenToHeader(req)
	}
	res, err := b.base.RoundTrip(req)
	if req.URL.String() == b.addresses {
		return b.listed(req, res, err)
	}
	if grant == "" {
		b.miss(res)
		return res, err
	}
	if err == nil {
		err = b.read(res)
	}
	switch {
	case grant == refreshGrant:
		b.refreshed.Store(true)
		status := 0
		if res != nil {
			status = res.StatusCode
		}
		b.settle(status, err)
	case res != nil:
		b.injected.Store(true)
	}
	if err != nil {
		// It is unknown whether the service has seen the code.
		b.mu.Lock()
		b.refusal = &refusal{err: err}
		b.mu.Unlock()
		return nil, err
	}
	return res, nil
}

// miss remembers where there is nothing: goth's errors do not say what was asked.
func (b *binding) miss(res *http.Response) {
	if res == nil || res.StatusCode != http.StatusNotFound {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing = redact.Missing(res)
}

// explained adds to an error of goth's the address that was answered 404.
func (b *binding) explained(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missing == "" {
		return err
	}
	return redact.Told(err, "oauth: the service%s answered 404", b.missing)
}

// read reads a token answer, keeps what it says, and puts it back.
func (b *binding) read(res *http.Response) error {
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 == 2 {
		b.keep(res.Header.Get("Content-Type"), raw)
	}
	b.refuse(res, raw)
	res.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}

// spend lets one refresh request through. x/oauth2 repeats one that failed with
// the secret in another place, and goth's providers leave it to that. A refresh
// token that the first request used up burns all tokens of its family with the
// second (RFC 9700 §4.14.2).
func (b *binding) spend() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent != nil {
		return b.spent
	}
	b.spent = errors.New("oauth: a refresh request is under way")
	return nil
}

// settle says what came of the refresh request. One that was refused used
// nothing up, and may be repeated.
func (b *binding) settle(status int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, granted := b.answer["access_token"]
	_, refused := b.answer["error"]
	switch {
	case err != nil:
		b.spent = err
	case status/100 == 4, status/100 == 2 && refused && !granted:
		b.spent = nil
	default:
		b.spent = fmt.Errorf("oauth: the token endpoint answered %d without tokens", status)
	}
}

// The grants that a token request may have.
const (
	codeGrant    = "authorization_code" // RFC 6749 §4.1.3
	refreshGrant = "refresh_token"      // RFC 6749 §6
)

// tokenRequest tells token requests from the others and returns the form and the
// grant of one. The body is read and put back.
func tokenRequest(req *http.Request) (form url.Values, grant string, err error) {
	if req.Method != http.MethodPost || req.Body == nil {
		return nil, "", nil
	}
	if t, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); t != "application/x-www-form-urlencoded" {
		return nil, "", nil
	}
	raw, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return nil, "", err
	}
	setBody(req, string(raw))
	form, err = url.ParseQuery(string(raw))
	if err != nil {
		return nil, "", err
	}
	switch {
	case form.Get("grant_type") == codeGrant || form.Get("code") != "":
		return form, codeGrant, nil
	case form.Get("grant_type") == refreshGrant || form.Get("refresh_token") != "":
		return form, refreshGrant, nil
	}
	return form, "", nil
}

// authenticate puts the client's credentials where the service reads them, and
// nowhere else (RFC 6749 §2.3): x/oauth2 tries the header first.
func (b *binding) authenticate(req *http.Request, form url.Values) {
	if b.style == oauth2.AuthStyleAutoDetect {
		return
	}
	id, secret, header := req.BasicAuth()
	if !header {
		id, secret = url.QueryEscape(form.Get("client_id")), url.QueryEscape(form.Get("client_secret"))
	}
	req.Header.Del("Authorization")
	form.Del("client_id")
	form.Del("client_secret")
	if b.style == oauth2.AuthStyleInHeader {
		req.SetBasicAuth(id, secret)
		return
	}
	for name, escaped := range map[string]string{"client_id": id, "client_secret": secret} {
		if value, err := url.QueryUnescape(escaped); err == nil {
			form.Set(name, value)
		}
	}
}

// tokenToHeader takes an access token out of the URL, which ends up in more logs
// than a header, and in which newer versions of these services refuse it (RFC
// 6750 §2.3).
func tokenToHeader(req *http.Request) {
	q := req.URL.Query()
	access := q.Get("access_token")
	if access == "" || req.Header.Get("Authorization") != "" {
		return
	}
	req.Header.Set("Authorization", "Bearer "+access)
	q.Del("access_token")
	req.URL.RawQuery = q.Encode()
}

// refuse remembers an answer after which x/oauth2 would send the code and the
// secret once more, in another place, though it cannot help: the place was right,
// or the code itself was refused (RFC 6749 §5.2).
func (b *binding) refuse(res *http.Response, body []byte) {
	var fault struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &fault) // what is no JSON names no error
	if b.style == oauth2.AuthStyleAutoDetect && (res.StatusCode/100 == 2 || fault.Error != "invalid_grant") {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusal = &refusal{res: *res, body: body}
}

// refused answers a token request as one before it was, if that cannot change.
func (b *binding) refused(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.refusal == nil:
		return nil, nil
	case b.refusal.err != nil:
		return nil, b.refusal.err
	}
	res := b.refusal.res
	res.Request, res.Body = req, io.NopCloser(bytes.NewReader(b.refusal.body))
	return &res, nil
}

func setBody(req *http.Request, body string) {
	req.Body = io.NopCloser(strings.NewReader(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	req.ContentLength = int64(len(body))
}

// keep remembers the token answer, of which goth drops scope and id_token.
// Providers answer in JSON or, as GitHub does unasked, in a form.
func (b *binding) keep(contentType string, raw []byte) {
	answer := map[string]any{}
	switch t, _, _ := mime.ParseMediaType(contentType); t {
	case "application/x-www-form-urlencoded", "text/plain":
		form, _ := url.ParseQuery(string(raw)) // x/oauth2 refuses what is broken
		for name := range form {
			answer[name] = form.Get(name)
		}
	default:
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(&answer) != nil {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// token is the token answer in x/oauth2's form, the whole answer in its extra.
func (b *binding) token() *oauth2.Token {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := func(name string) string { s, _ := b.answer[name].(string); return s }
	tok := &oauth2.Token{
		AccessToken:  text("access_token"),
		TokenType:    text("token_type"),
		RefreshToken: text("refresh_token"),
	}
	var seconds int64
	switch v := b.answer["expires_in"].(type) {
	case json.Number:
		seconds, _ = v.Int64()
	case string:
		seconds, _ = strconv.ParseInt(v, 10, 64)
	}
	if seconds > 0 && seconds < 1<<31 {
		tok.ExpiresIn = seconds
		tok.Expiry = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return tok.WithExtra(b.answer)
}

// secrets are the strings of this step that no error may repeat.
func (b *binding) secrets() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	secrets := b.request.secrets()
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if s, ok := b.answer[name].(string); ok {
			secrets = append(secrets, s)
		}
	}
	return secrets
}
