// Package recipes holds the code of the documentation that needs more modules than
// ginauth: docs/metrics.md is made of it. It is compiled and tested, and not for import.
package recipes

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/ginauth/ginauth"
)

// Counters count what happens to sign-ins and sessions. No label says whom it happened
// to: there are as many values as you have providers, and as ginauth has codes.
func Counters(reg prometheus.Registerer) ginauth.Events {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return promauto.With(reg).NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	signIns := counter("ginauth_sign_ins_total", "Sign-ins by how they ended: success, or the code of the refusal.", "provider", "outcome")
	signOuts := counter("ginauth_sign_outs_total", "Sessions that their person ended, or a callback.")
	limited := counter("ginauth_rate_limited_total", "Requests that a limit refused.", "provider")
	revoked := counter("ginauth_revocations_total", "Sessions ended before their time: one, all of a user, or by the provider.", "by")
	unrenewed := counter("ginauth_refresh_errors_total", "Sessions whose provider refuses to renew their tokens.", "provider")
	return ginauth.Events{
		SignIn: func(_ *gin.Context, e ginauth.SignInEvent) {
			signIns.WithLabelValues(e.Account.Provider, "success").Inc()
		},
		SignInError: func(_ *gin.Context, e ginauth.SignInErrorEvent) {
			signIns.WithLabelValues(e.Provider, e.Code).Inc()
		},
		SignOut: func(*gin.Context, ginauth.SignOutEvent) {
			signOuts.WithLabelValues().Inc()
		},
		RateLimit: func(_ *gin.Context, e ginauth.RateLimitEvent) {
			limited.WithLabelValues(e.Provider).Inc()
		},
		Revoke: func(_ context.Context, e ginauth.RevokeEvent) {
			by := "user"
			switch {
			case e.Provider != "":
				by = "provider"
			case e.SessionID != "":
				by = "session"
			}
			revoked.WithLabelValues(by).Inc()
		},
		RefreshError: func(_ *gin.Context, e ginauth.RefreshErrorEvent) {
			unrenewed.WithLabelValues(e.Provider).Inc()
		},
	}
}

// CountTokens counts the token requests by grant: an authorization_code is a sign-in, a
// refresh_token is a renewal by Auth.Client.
func CountTokens(reg prometheus.Registerer, base http.RoundTripper) http.RoundTripper {
	requests := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "ginauth_token_requests_total", Help: "Token requests by the provider's host, grant and status; 0: no answer.",
	}, []string{"host", "grant", "status"})
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		grant := grantOf(req)
		res, err := base.RoundTrip(req)
		if grant != "" {
			status := 0
			if err == nil {
				status = res.StatusCode
			}
			requests.WithLabelValues(req.URL.Host, grant, strconv.Itoa(status)).Inc()
		}
		return res, err
	})
}

// grantOf is the grant that a token request is for, empty for any other request.
func grantOf(req *http.Request) string {
	if req.Method != http.MethodPost || req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	raw, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	form, _ := url.ParseQuery(string(raw))
	switch grant := form.Get("grant_type"); grant {
	case "authorization_code", "refresh_token":
		return grant
	}
	return ""
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
