package tests

import (
	"net/url"
	"strings"
	"testing"
)

// A form that does not show that a page of this site sent it is an event for the
// application, in words, and no line for each of them in the log.
func TestSignInError_UnprovenForm(t *testing.T) {
	t.Parallel()
	a := newRefusalApp(t, refusalOptions{})
	b := a.visitor(t)
	for i, action := range []string{"signin/first", "callback/credentials", "signin/email", "callback/email"} {
		b.post("/api/auth/"+action, url.Values{"csrfToken": {"x"}})
		a.mu.Lock()
		refused := a.refused
		a.mu.Unlock()
		if len(refused) != i+1 {
			t.Fatalf("%s: %d events", action, len(refused))
		}
		e := refused[i]
		_, provider, _ := strings.Cut(action, "/")
		if e.Code != "MissingCSRF" || e.Provider != provider || e.Err == nil || !strings.Contains(e.Err.Error(), "the form came without its CSRF token") || e.User != nil || e.Client.String() != refusalClient {
			t.Errorf("%s: the event is %+v", action, e)
		}
	}
	b.post("/api/auth/signin/nobody", url.Values{"csrfToken": {"x"}}) // names no provider
	b.post("/api/auth/signout/first", url.Values{"csrfToken": {"x"}}) // is no sign-in
	b.post("/api/auth/factor/first", url.Values{"csrfToken": {"x"}})
	if len(a.refused) != 4 {
		t.Errorf("%d events", len(a.refused))
	}
	if log := a.log.String(); strings.Contains(log, "sign-in refused") || !strings.Contains(log, "csrfToken") && !strings.Contains(log, "CSRF") {
		t.Errorf("the log: %s", log)
	}
}
