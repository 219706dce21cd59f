package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// The mails to one mailbox are limited, for all spellings of its address and all clients
// together. One client gets half of them, so that the owner can still ask.
func TestLimits_Mails(t *testing.T) {
	t.Parallel()
	ask := func(a *mailApp, client, email string) answer {
		csrfToken, pair := csrfPair(csrfCookie)
		return a.form(t, "/api/auth/signin/email", url.Values{"csrfToken": {csrfToken}, "email": {email}}, "Cookie", pair, "X-Forwarded-For", client)
	}
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{
		TrustedProxies: behindProxy, Limits: ginauth.Limits{Mails: ginauth.Rate{Count: 20, Per: time.Hour}},
	})
	n := admitted(40, func(i int) answer {
		return ask(a, "198.51.100.1", []string{"ada@example.com", "ADA@example.com", fmt.Sprintf("ada+%d@example.com", i)}[i%3])
	})
	if n != 10 || len(a.inbox.all()) != 10 {
		t.Errorf("one client sent %d mails, admitted %d times", len(a.inbox.all()), n)
	}
	if wait := ask(a, "198.51.100.1", "ada@example.com").retryAfter(t); wait <= 5*time.Minute || wait > 6*time.Minute {
		t.Errorf("it is to wait %v", wait)
	}
	if n := admitted(40, func(i int) answer { return ask(a, fmt.Sprint("203.0.113.", i), "ada@example.com") }); n != 10 {
		t.Errorf("the others sent %d mails", n)
	}
	if ask(a, "198.51.100.1", "grace@example.com").StatusCode != http.StatusFound {
		t.Error("another person gets no mail")
	}
	if n := admitted(200, func(i int) answer { return ask(a, "198.51.100.7", fmt.Sprintf("user%d@example.com", i)) }); n < 120 || n > 160 { // the clock goes on
		t.Errorf("one client sent %d people mails", n)
	}
}

// A mailbox is one, in whatever letters its domain is written, and whatever Normalize
// makes one.
func TestLimits_MailSpellings(t *testing.T) {
	t.Parallel()
	unicodeDomain := []string{"ada@bücher.example", "ada@xn--bcher-kva.example", "ADA@BÜCHER.EXAMPLE", "ada@XN--BCHER-KVA.example", "ada@bücher。example", "ａda@bu\u0308cher.example"}
	withoutDots := func(address string) (string, error) {
		local, domain, _ := strings.Cut(address, "@")
		return strings.ReplaceAll(local, ".", "") + "@" + domain, nil
	}
	for _, row := range []struct {
		name      string
		normalize func(string) (string, error)
		spellings []string
		admits    int
	}{
		{"one domain", nil, unicodeDomain, 2},
		{"two domains", nil, []string{"ada@bücher.example", "ada@bucher.example"}, 4},
		{"normalised", withoutDots, []string{"a.da@example.com", "ad.a@example.com", "ada@example.com", "A.D.A@EXAMPLE.COM"}, 2},
		{"not normalised", nil, []string{"a.da@example.com", "ad.a@example.com", "ada@example.com", "a.d.a@example.com"}, 8},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{Normalize: row.normalize}, ginauth.Options{
				TrustedProxies: behindProxy, Limits: ginauth.Limits{Mails: ginauth.Rate{Count: 4, Per: 1000 * time.Hour}},
			})
			n := admitted(20, func(i int) answer {
				csrfToken, pair := csrfPair(csrfCookie)
				return a.form(t, "/api/auth/signin/email", url.Values{"csrfToken": {csrfToken}, "email": {row.spellings[i%len(row.spellings)]}}, "Cookie", pair, "X-Forwarded-For", "198.51.100.1")
			})
			if n != row.admits || len(a.inbox.all()) != row.admits {
				t.Errorf("%d mails, %d admitted, want %d\n%s", len(a.inbox.all()), n, row.admits, a.log)
			}
		})
	}
}
