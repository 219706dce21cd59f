package ginauthtest_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestNewProviderRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		cfg  ginauthtest.Config
		want string
	}{
		{"all addresses", ginauthtest.Config{Addr: ":0"}, "loopback"},
		{"0.0.0.0", ginauthtest.Config{Addr: "0.0.0.0:0"}, "loopback"},
		{"unspecified IPv6", ginauthtest.Config{Addr: "[::]:0"}, "loopback"},
		{"a name", ginauthtest.Config{Addr: "example.com:0"}, "loopback"},
		{"no port", ginauthtest.Config{Addr: "127.0.0.1"}, "address"},
		{"no such port", ginauthtest.Config{Addr: "127.0.0.1:99999"}, "address"},
		{"no subject", ginauthtest.Config{People: []ginauthtest.Person{{Name: "Ada"}}}, "subject"},
		{"one subject twice", ginauthtest.Config{People: []ginauthtest.Person{{Subject: "a"}, {Subject: "a"}}}, "subject"},
		{"claims without JSON", ginauthtest.Config{People: []ginauthtest.Person{{Subject: "a", Claims: map[string]any{"f": func() {}}}}}, "claims"},
		{"relative redirect URI", ginauthtest.Config{RedirectURIs: []string{"/cb"}}, "redirect URI"},
		{"redirect URI with fragment", ginauthtest.Config{RedirectURIs: []string{"https://example.com/#x"}}, "redirect URI"},
		{"negative lifetime", ginauthtest.Config{TokenLifetime: -time.Second}, "lifetime"},
		{"no such algorithm", ginauthtest.Config{Algorithm: "HS256"}, "algorithm"},
		{"TLS without certificate", ginauthtest.Config{TLS: &tls.Config{}}, "certificate"},
		{"half a second", ginauthtest.Config{TokenLifetime: 1500 * time.Millisecond}, "lifetime"},
	} {
		p, err := ginauthtest.NewProvider(row.cfg)
		if err == nil {
			t.Errorf("%s: serves at %s", row.name, p.Issuer())
			_ = p.Close()
			continue
		}
		if !strings.HasPrefix(err.Error(), "ginauthtest: ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestNewProviderReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := ginauthtest.NewProvider(ginauthtest.Config{
		Addr: ":0", RedirectURIs: []string{"x"}, TokenLifetime: -1, People: []ginauthtest.Person{{}},
	})
	for _, want := range []string{"address", "redirect URI", "lifetime", "subject"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	p, q := start(t, ginauthtest.Config{}), start(t, ginauthtest.Config{})
	if !strings.HasPrefix(p.Issuer(), "http://127.0.0.1:") || p.ClientID() != "ginauth" {
		t.Errorf("%s, %s", p.Issuer(), p.ClientID())
	}
	if p.ClientSecret() == "" || p.ClientSecret() == q.ClientSecret() {
		t.Error("the secret is not random")
	}
	people := p.People()
	if len(people) != 2 || people[0].Name != "Ada Lovelace" || people[1].Name != "Grace Hopper" || !people[0].EmailVerified {
		t.Errorf("people: %+v", people)
	}
	people[0].Name = "changed"
	if p.People()[0].Name == "changed" {
		t.Error("People is not a copy")
	}
}

func TestLocalhost(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{Addr: "localhost:0"})
	issuer, err := url.Parse(p.Issuer())
	if err != nil || issuer.Hostname() != "localhost" || issuer.Port() == "0" {
		t.Fatalf("issuer %s, %v", p.Issuer(), err)
	}
	signIn(t, p, goodRequest())
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	if second, err := ginauthtest.NewProvider(ginauthtest.Config{Addr: strings.TrimPrefix(p.Issuer(), "http://")}); err == nil {
		t.Errorf("two providers at %s", second.Issuer())
	}
}

func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	cfg := ginauthtest.Config{
		RedirectURIs: []string{callbackURL},
		People:       []ginauthtest.Person{{Subject: "ada", Claims: map[string]any{"id": 1}}},
	}
	p := start(t, cfg)
	cfg.RedirectURIs[0] = "http://127.0.0.1/other"
	cfg.People[0].Subject = "other"
	cfg.People[0].Claims["id"] = 2
	access := signIn(t, p, goodRequest()).text(t, "access_token")
	if got := userinfo(t, p, access).json(t); got["id"] != 1.0 {
		t.Errorf("userinfo: %v", got)
	}
}

func TestCloseEndsService(t *testing.T) {
	t.Parallel()
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if response, err := http.Get(p.Issuer() + "/jwks"); err == nil {
		response.Body.Close()
		t.Error("still serves")
	}
	if _, err := p.Approve(t.Context(), authorizationURL(p, goodRequest()), "ada"); err == nil {
		t.Error("still signs in")
	}
}
