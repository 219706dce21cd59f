package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/redact"
)

// exchange is one step with the service.
type exchange struct {
	config *Config
	ctx    context.Context // carries client
	client *http.Client
	tokens map[string]any // the token answer
}

// profile asks the service whose the access token is.
func (e *exchange) profile(token *oauth2.Token) (map[string]any, error) {
	if e.config.UserInfo != nil {
		return e.config.UserInfo(e.ctx, e.client, token)
	}
	var body any = e.tokens
	if e.config.UserInfoURL != "" {
		target, ok := answer.Fill(e.known(), e.config.UserInfoURL, url.PathEscape)
		if !ok {
			return nil, errors.New("the token answer lacks what the profile request needs")
		}
		var err error
		if body, err = e.get(target, token); err != nil {
			return nil, err
		}
	}
	switch v := body.(type) {
	case map[string]any:
		return v, nil
	case nil:
		return nil, nil // reads as nobody
	}
	return nil, errors.New("the answer is not a JSON object")
}

// known is what a template may name: the token answer and the client id.
func (e *exchange) known() map[string]any {
	all := map[string]any{}
	for name, value := range e.tokens {
		all[name] = value
	}
	all["client_id"] = e.config.ClientID
	return all
}

// get reads what the service answers to the access token. The profile is asked for
// as the Config says; the list of addresses is a GET.
func (e *exchange) get(target string, token *oauth2.Token) (any, error) {
	req, err := e.request(target, token)
	if err != nil {
		return nil, err
	}
	res, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusNotFound { // the address is wrong: as it was configured, without what filled it
		address := e.config.UserInfoURL
		if target == e.config.Emails.URL {
			address = target
		}
		return nil, redact.Told(nil, "oauth: the service answered 404 at %s", redact.URL(address))
	}
	if err := is(res); err != nil {
		return nil, err
	}
	v, err := answer.Decode(body)
	if err != nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	return v, nil
}

func (e *exchange) request(target string, token *oauth2.Token) (*http.Request, error) {
	c := e.config
	method, contentType, body := http.MethodGet, "", ""
	if target != c.Emails.URL {
		switch {
		case c.UserInfoBody != "":
			method, contentType, body = http.MethodPost, "application/json", c.UserInfoBody
		case len(c.UserInfoForm) > 0:
			form, err := e.form()
			if err != nil {
				return nil, err
			}
			method, contentType, body = http.MethodPost, "application/x-www-form-urlencoded", form
		}
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	if c.TokenInQuery != "" {
		q := u.Query()
		q.Set(c.TokenInQuery, token.AccessToken)
		u.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(e.ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	switch scheme := c.TokenScheme; {
	case c.TokenInQuery != "":
	case c.TokenHeader != "":
		req.Header.Set(c.TokenHeader, token.AccessToken)
	case scheme == "Basic": // RFC 7617 §2, the access token for a user name
		req.SetBasicAuth(token.AccessToken, "")
	case scheme != "":
		req.Header.Set("Authorization", scheme+" "+token.AccessToken)
	default:
		req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	}
	for name, value := range c.UserInfoHeader {
		req.Header.Set(name, strings.ReplaceAll(value, "{client_id}", c.ClientID))
	}
	return req, nil
}

func (e *exchange) form() (string, error) {
	form, known := url.Values{}, e.known()
	known["client_secret"] = e.config.ClientSecret
	for name, values := range e.config.UserInfoForm {
		for _, value := range values {
			filled, ok := answer.Fill(known, value, func(s string) string { return s })
			if !ok {
				return "", errors.New("the token answer lacks what the profile request needs")
			}
			form.Add(name, filled)
		}
	}
	return form.Encode(), nil
}

// transport is what all requests to the service go through. It names the
// application: services answer those that look like a library's default with 429.
// Token requests get the form that the service wants, and their answer is kept.
type transport struct {
	base     http.RoundTripper
	config   *Config
	tokenURL string
	exchange *exchange
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.config.UserAgent)
	if req.URL.String() != t.tokenURL || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || t.exchange.tokens != nil {
		return t.base.RoundTrip(req)
	}
	if err := t.reform(req); err != nil {
		return nil, err
	}
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := t.keep(res); err != nil {
		return nil, err
	}
	return res, nil
}

// reform gives the token request the form that the service wants.
func (t *transport) reform(req *http.Request) error {
	c := t.config
	req.Header.Set("Accept", "application/json")
	if len(c.TokenParams) == 0 && len(c.ParamNames) == 0 && !c.TokenJSON && c.TokenMethod != http.MethodGet {
		return nil
	}
	raw, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return err
	}
	for name, values := range c.TokenParams {
		form[name] = values
	}
	form = renamed(form, c.ParamNames)
	body := []byte(form.Encode())
	switch {
	case c.TokenMethod == http.MethodGet:
		target := *req.URL
		target.RawQuery = form.Encode()
		req.Method, req.URL, body = http.MethodGet, &target, nil
		req.Header.Del("Content-Type")
	case c.TokenJSON:
		object := map[string]string{}
		for name := range form {
			object[name] = form.Get(name)
		}
		if body, err = json.Marshal(object); err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.GetBody = nil // a GET without a body would be sent again when the connection breaks, with the code
	return nil
}

// keep remembers a token answer, and puts it back.
func (t *transport) keep(res *http.Response) error {
	raw, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return err
	}
	res.Body = io.NopCloser(bytes.NewReader(raw))
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		res.Header.Set("Content-Type", "application/json") // some say text/plain, which x/oauth2 reads as a form
	}
	kept := map[string]any{}
	switch kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded", "text/plain":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil
		}
		for name := range form {
			kept[name] = form.Get(name)
		}
	default:
		v, _ := answer.Decode(raw)
		kept, _ = v.(map[string]any)
	}
	t.exchange.tokens = kept
	return nil
}
