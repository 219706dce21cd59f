package conformance

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

func refreshModules() []module {
	return []module{
		{name: prefix + "-refresh-token", expects: "get a new access token by the refresh token, and call userinfo with it", test: refreshed(es256, 1)},
		{name: prefix + "-refresh-token-invalid-issuer", expects: "refuse a refreshed id_token with another `iss`", test: refusesRefreshed("iss", "https://other.example")},
		{name: prefix + "-refresh-token-invalid-sub", expects: "refuse a refreshed id_token with another `sub`", test: refusesRefreshed("sub", "grace")},
	}
}

// expire lets the access tokens of an hour be expired.
func (v *site) expire() { v.ahead.Add(int64(2 * time.Hour)) }

// refreshed renews the tokens so often, each time by the refresh token of before, and
// calls userinfo with the new access token.
func refreshed(op ginauthtest.Config, times int) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: op, options: withStore})
		b := v.accepts()
		access := map[string]bool{v.signedIn().Account.AccessToken: true}
		used := map[string]bool{}
		for range times {
			v.expire()
			tokens, userinfos := len(v.op.TokenRequests()), len(v.sent.to(ginauthtest.Userinfo))
			res := b.get("/userinfo", false)
			var said struct{ Sub string }
			if err := json.Unmarshal([]byte(res.body), &said); err != nil || res.StatusCode != http.StatusOK || said.Sub != "ada" {
				t.Fatalf("userinfo answered %d %s", res.StatusCode, res.body)
			}
			all := v.op.TokenRequests()[tokens:]
			if len(all) != 1 || !all[0].Accepted {
				t.Fatalf("there were %d token requests", len(all))
			}
			r := all[0]
			if r.Form.Get("grant_type") != "refresh_token" || r.BasicUser != clientID || r.BasicPassword != clientSecret || r.Form.Has("client_secret") {
				t.Errorf("the refresh request is %v by %q", r.Form, r.BasicUser)
			}
			if token := r.Form.Get("refresh_token"); token == "" || used[token] {
				t.Error("a refresh token was used twice, or there is none")
			} else {
				used[token] = true
			}
			infos := v.sent.to(ginauthtest.Userinfo)[userinfos:]
			if len(infos) != 1 || len(infos[0].authorization) != 1 {
				t.Fatalf("the userinfo requests are %v", infos)
			}
			token, ok := strings.CutPrefix(infos[0].authorization[0], "Bearer ")
			if !ok || access[token] {
				t.Error("userinfo was asked with an access token of before")
			}
			access[token] = true
		}
	}
}

// refusesRefreshed has a claim of the refreshed id_token say something else. No userinfo
// request follows.
func refusesRefreshed(name, value string) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: es256, options: withStore})
		b := v.accepts()
		v.expire()
		v.op.TamperClaims(set(name, value))
		userinfos := len(v.sent.to(ginauthtest.Userinfo))
		for range 2 {
			if res := b.get("/userinfo", false); res.StatusCode != http.StatusBadGateway {
				t.Errorf("userinfo answered %d %s", res.StatusCode, res.body)
			}
		}
		if got := len(v.sent.to(ginauthtest.Userinfo)) - userinfos; got != 0 {
			t.Errorf("%d userinfo requests followed", got)
		}
	}
}
