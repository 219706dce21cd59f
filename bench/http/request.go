package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// A request is what all servers of a row get. Its header is a browser's, as far as
// a script's fetch of an API goes.
type request struct {
	headers []header
	session string // the name of the session cookie
	sealed  string
}

type header struct{ name, value string }

// cookies names the other two cookies that a site with next-auth has.
type cookies struct{ session, csrf, callbackURL string }

var (
	cookiesV4 = cookies{"next-auth.session-token", "next-auth.csrf-token", "next-auth.callback-url"}
	cookiesV5 = cookies{"authjs.session-token", "authjs.csrf-token", "authjs.callback-url"}
)

// somebody is who is signed in.
var somebody = person{Name: "Ada Lovelace", Email: "ada@example.com", Image: "https://example.com/ada.png"}

// newRequest seals a session of somebody, with further claims, and makes the
// request that brings it along.
func newRequest(format *token.Format, names cookies, secret string, further map[string]any) (request, error) {
	salt := ""
	if format == token.V5 {
		salt = names.session
	}
	keys, err := format.Keyring(salt, secret)
	if err != nil {
		return request{}, err
	}
	now := time.Now()
	claims := map[string]any{
		"name": somebody.Name, "email": somebody.Email, "picture": somebody.Image, "sub": "u-1",
		"auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": token.NewID(),
	}
	for name, value := range further {
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return request{}, err
	}
	r := request{session: names.session, sealed: keys.Seal(payload)}
	others := names.csrf + "=" + strings.Repeat("a", 64) + "%7C" + strings.Repeat("b", 64) +
		"; " + names.callbackURL + "=http%3A%2F%2Fapp.example.com"
	r.headers = []header{
		{"Accept", "application/json"},
		{"Accept-Language", "en-GB,en;q=0.9"},
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
		{"Cookie", others + "; " + r.session + "=" + r.sealed},
	}
	return r, nil
}

// broken is the request with a session cookie in which one letter is another.
func (r request) broken() request {
	b := []byte(r.sealed)
	middle := len(b) / 2
	if b[middle] == 'A' {
		b[middle] = 'B'
	} else {
		b[middle] = 'A'
	}
	return r.with(string(b))
}

// with is the request with another session cookie.
func (r request) with(sealed string) request {
	changed := request{session: r.session, sealed: sealed}
	for _, h := range r.headers {
		changed.headers = append(changed.headers, header{h.name, strings.Replace(h.value, r.sealed, sealed, 1)})
	}
	return changed
}

// check asks a server the request, and what it answers for a broken cookie. A
// server that answers all is not asked the latter.
func (r request) check(addr string, answersAll bool) error {
	want, err := json.Marshal(somebody)
	if err != nil {
		return err
	}
	status, body, err := r.send(addr)
	if err != nil {
		return err
	}
	if status != http.StatusOK || body != string(want) {
		return fmt.Errorf("answered %d %s, want 200 %s", status, body, want)
	}
	if answersAll {
		return nil
	}
	if status, body, err = r.broken().send(addr); err != nil {
		return err
	}
	if status != http.StatusUnauthorized || strings.Contains(body, somebody.Name) {
		return fmt.Errorf("answered %d %s for a broken cookie, want 401", status, body)
	}
	return nil
}

func (r request) send(addr string) (status int, body string, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		return 0, "", err
	}
	for _, h := range r.headers {
		req.Header.Set(h.name, h.value)
	}
	client := http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return res.StatusCode, strings.TrimSpace(string(raw)), err
}
