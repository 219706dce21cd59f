package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// choosy is an engine that fits no site, for two reasons in one sentence.
type choosy struct{ ginauth.PasskeyEngine }

func (choosy) Check(site string) error {
	return fmt.Errorf("the engine takes %w, and %w", fmt.Errorf("no site at %s", site), errDatabase)
}

// Each fault names the option, once, and what to write instead; with that there is none.
func TestRegister_FaultAndFix(t *testing.T) {
	clean(t)
	typed := ginauth.Credentials{Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }}
	with := func(change func(c *ginauth.Credentials)) []ginauth.Provider {
		c := typed
		change(&c)
		return []ginauth.Provider{c}
	}
	mail := ginauth.Email{Send: nowhere}
	fields := []ginauth.Field{{Name: "phone"}, {Name: "pin", Type: "password"}}
	for _, row := range []struct {
		name       string
		fault, fix ginauth.Options
		says       string // the whole error, line by line
	}{
		{"two previous secrets, one of them empty", ginauth.Options{Providers: somebody(), PreviousSecrets: []string{strings.Repeat("p", 32), ""}},
			ginauth.Options{Providers: somebody(), PreviousSecrets: []string{strings.Repeat("p", 32)}},
			"ginauth: PreviousSecrets holds an empty secret; leave it out"},
		{"a provider that is none", ginauth.Options{Providers: []ginauth.Provider{nil, typed}}, ginauth.Options{Providers: []ginauth.Provider{typed}},
			"ginauth: Providers[0] is nil; leave it out"},
		{"a provider without a provider", ginauth.Options{Providers: append(somebody(), ginauth.OAuth{})}, ginauth.Options{Providers: somebody()},
			"ginauth: Providers[1]: OAuth.Provider is nil; write github.New(…) or another goth provider"},
		{"one with an ID", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "mine"}}}, ginauth.Options{Providers: somebody()},
			"ginauth: provider mine: OAuth.Provider is nil; write github.New(…) or another goth provider"},
		{"an identifier that is no field", ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Fields, c.Identifier = fields, "email" })},
			ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Fields, c.Identifier = fields, "phone" })},
			`ginauth: provider credentials: Credentials.Identifier is "email", which none of Credentials.Fields is called; write the name of the one that says who somebody is`},
		{"an identifier, and fields that the page has", ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Authorize, c.Identifier = nil, "phone" })},
			ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Identifier = "phone" })},
			"ginauth: provider credentials: Credentials.Authorize is nil; write the function that checks what was typed"},
		{"fields without a name", ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Authorize, c.Fields = nil, []ginauth.Field{{Name: "a"}, {}} })},
			ginauth.Options{Providers: with(func(c *ginauth.Credentials) { c.Fields = []ginauth.Field{{Name: "a"}, {Name: "b"}} })},
			"ginauth: provider credentials: Credentials.Authorize is nil; write the function that checks what was typed\n" +
				"ginauth: provider credentials: Credentials.Fields[1] has no Name; write what Authorize finds it by, such as username"},
		{"mail to a host that a request chose", ginauth.Options{Adapter: ginauth.MemoryAdapter(), Providers: []ginauth.Provider{mail}},
			ginauth.Options{Adapter: ginauth.MemoryAdapter(), Providers: []ginauth.Provider{mail}, TrustedHosts: []string{"app.example.com"}},
			"ginauth: provider email: a link in a mail must not lead to a host that a request chose; write the site's address into BaseURL or NEXTAUTH_URL, for instance https://app.example.com (AUTH_TRUST_HOST is not enough)"},
		{"mail to any host of a domain", ginauth.Options{Adapter: ginauth.MemoryAdapter(), Providers: []ginauth.Provider{mail}, TrustedHosts: []string{"a.example", "*.example.com"}},
			ginauth.Options{Adapter: ginauth.MemoryAdapter(), Providers: []ginauth.Provider{mail}, TrustedHosts: []string{"a.example", "*.example.com"}, BaseURL: "https://a.example"},
			"ginauth: provider email: TrustedHosts has *.example.com, and a link in a mail must not lead to a host that a request chose; write exact hosts, or BaseURL"},
		{"an engine that fits no site", ginauth.Options{Adapter: ginauth.MemoryAdapter(), BaseURL: "http://localhost", Factors: ginauth.FactorOptions{Passkeys: choosy{}}},
			ginauth.Options{Adapter: ginauth.MemoryAdapter(), BaseURL: "http://localhost", Factors: ginauth.FactorOptions{Passkeys: passkey.New(passkey.Config{})}},
			"ginauth: Factors.Passkeys: the engine takes no site at http://localhost, and " + errDatabase.Error()},
		{"an answer by POST over http", ginauth.Options{BaseURL: "http://app.example.com", Providers: ginauth.Goth(newAppleGate(t).provider("id", nil))},
			ginauth.Options{BaseURL: "https://app.example.com", Providers: ginauth.Goth(newAppleGate(t).provider("id", nil))},
			"ginauth: provider apple answers by POST, with a cookie that browsers take over https only; write an https BaseURL, or ask for no scope that needs the POST"},
		{"an ID that is no path", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "git hub", Provider: github.New("id", "secret", "")}}},
			ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "git-hub", Provider: github.New("id", "secret", "")}}},
			`ginauth: Providers[0] has the id "git hub"; set its ID to letters, digits, dots and dashes`},
	} {
		for _, fixed := range []bool{false, true} {
			opts, want := row.fault, row.says
			if fixed {
				opts, want = row.fix, ""
			}
			opts.Secret, opts.Logger = testSecret, (&logBuffer{}).logger()
			got := ""
			if _, err := ginauth.Register(gin.New(), opts); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s, fixed %v: %s\nwant: %s", row.name, fixed, got, want)
			}
		}
	}
}

// A password without Reset is doubted beside mails alone: without them nobody can prove an
// address, and without an Adapter there is nobody to take over.
func TestRegister_PasswordNotDoubted(t *testing.T) {
	clean(t)
	typed := ginauth.Credentials{Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }}
	reset := typed
	reset.Reset = func(context.Context, string) error { return nil }
	const site = "https://app.example.com"
	for name, opts := range map[string]ginauth.Options{
		"no mails":             {Adapter: newMemory(), Providers: append(somebody(), typed)},
		"no adapter":           {Providers: []ginauth.Provider{typed}},
		"a store that lists":   {Adapter: newMemory(), Providers: []ginauth.Provider{reset, ginauth.Email{Send: nowhere}}, Session: ginauth.SessionOptions{Store: &listingStore{}}},
		"no mails, with Reset": {Adapter: newMemory(), Providers: append(somebody(), reset)},
	} {
		opts.BaseURL = site
		if log, err := registered(t, gin.New(), opts); err != nil || strings.Contains(log, "level=WARN") {
			t.Errorf("%s: %v\n%s", name, err, log)
		}
	}
}
