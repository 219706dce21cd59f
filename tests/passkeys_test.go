package tests

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// A person adds a passkey, and signs in with it and nothing else, in another browser.
func TestPasskey(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	if heard := a.heard(); !slices.Contains(heard, "link passkey") {
		t.Errorf("the application heard %v", heard)
	}
	b := a.browser(t)
	res := b.signInByPasskey(d)
	if !res.signedIn() || b.user() != "ada@example.com" {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	list, err := a.auth.Passkeys(t.Context(), a.people["ada"])
	if err != nil || len(list) != 1 || list[0].Name != "Passkey" || list[0].LastUsed.IsZero() || list[0].Created.IsZero() || list[0].Synced || list[0].Cloned {
		t.Errorf("%+v, %v", list, err)
	}
	if list, _ := a.auth.Passkeys(t.Context(), a.people["bob"]); len(list) != 0 {
		t.Errorf("Bob has %v", list)
	}
}

// What a device is asked for is what the issue of a passkey needs: discoverable, with user
// verification, without attestation, and with a handle that tells nothing.
func TestPasskeyOptions(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b, d := a.browser(t), a.device(t)
	b.signInByPassword("ada")
	o, ok := b.passkeyOptions("register")
	handle, _ := json.Marshal(o.User.ID)
	if !ok || o.RP.ID != "localhost" || o.Attestation != "none" || o.Selection.ResidentKey != "required" || o.Selection.UserVerification != "required" ||
		len(o.User.ID) != 86 || strings.Contains(string(handle), a.people["ada"]) || len(o.Exclude) != 0 {
		t.Errorf("%+v", o)
	}
	if !b.register(d) {
		t.Fatal(a.log)
	}
	again, _ := b.passkeyOptions("register")
	if again.User.ID != encode(d.keys[0].handle) || len(again.Exclude) != 1 || again.Exclude[0].ID != encode(d.keys[0].id) {
		t.Errorf("the second one: %+v", again)
	}
	o, _ = b.passkeyOptions("authenticate")
	if o.RPID != "localhost" || o.Verification != "required" || len(o.Allow) != 0 {
		t.Errorf("%+v", o)
	}
}

// The session of a passkey says that it was one.
func TestPasskeyIsAFactor(t *testing.T) {
	t.Parallel()
	var factors []ginauth.Factor
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPasskey(d)
	a.engine.GET("/factors", a.auth.RequireSession(), func(c *gin.Context) { factors = ginauth.GetSession(c).Factors })
	b.get("/factors")
	if len(factors) != 1 || factors[0].Method != ginauth.FactorPasskey {
		t.Errorf("%v", factors)
	}
}

// The page lists, renames and removes.
func TestPasskeysPage(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b, d := a.browser(t), a.device(t)
	if res := b.get("/api/auth/passkeys"); res.StatusCode != http.StatusFound || !strings.Contains(res.Header.Get("Location"), "/signin?callbackUrl=") {
		t.Errorf("to nobody: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	b.signInByPassword("ada")
	if res := b.get("/api/auth/passkeys"); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "You have no passkeys yet") {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if !b.register(d) {
		t.Fatal(a.log)
	}
	list, err := a.auth.Passkeys(t.Context(), a.people["ada"])
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	change := func(b *browser, do, id, name string) answer {
		return b.post("/api/auth/passkeys", url.Values{"csrfToken": {b.csrf()}, "do": {do}, "id": {id}, "name": {name}})
	}
	change(b, "rename", list[0].ID, " My\u202ephone <b>\n")
	if body := b.get("/api/auth/passkeys").body; !strings.Contains(body, `value="Myphone &lt;b&gt;"`) {
		t.Errorf("after renaming:\n%s", body)
	}
	bob := a.browser(t)
	bob.signInByPassword("bob")
	change(bob, "rename", list[0].ID, "Bob's")
	change(bob, "remove", list[0].ID, "")
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 1 || list[0].Name != "Myphone <b>" {
		t.Errorf("Bob changed Ada's: %+v", list)
	}
	b.post("/api/auth/passkeys", url.Values{"do": {"remove"}, "id": {list[0].ID}}) // without the token
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 1 {
		t.Error("a form without its token removed a passkey")
	}
	for _, do := range []string{"", "Remove", "delete", "rename,remove"} { // what the page does not have
		change(b, do, list[0].ID, "Other")
	}
	if left, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(left) != 1 || left[0].Name != "Myphone <b>" {
		t.Errorf("after forms that say neither: %+v", left)
	}
	a.heard()
	change(b, "remove", list[0].ID, "")
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 0 {
		t.Errorf("after removing: %+v", list)
	}
	if heard := a.heard(); !slices.Equal(heard, []string{"unlink passkey"}) {
		t.Errorf("the application heard %v", heard)
	}
	if res := a.browser(t).signInByPasskey(d); res.signedIn() {
		t.Error("the removed passkey signs in")
	}
}

// A user whose only way in is a passkey keeps it, and one with a passkey may do without
// an account.
func TestLastPasskey(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	a := newPasskeyApp(t, ginauth.Options{Adapter: adapter})
	d := a.registered(t, "ada")
	ada := a.people["ada"]
	if err := a.auth.Unlink(t.Context(), ada, "credentials", ada); err != nil {
		t.Fatalf("with a passkey: %v", err)
	}
	list, _ := a.auth.Passkeys(t.Context(), ada)
	if err := a.auth.RemovePasskey(t.Context(), ada, list[0].ID); err == nil || !strings.Contains(err.Error(), "last") {
		t.Errorf("the last one: %v", err)
	}
	if b := a.browser(t); !b.signInByPasskey(d).signedIn() {
		t.Error("it is gone")
	}
}

func TestPasskeyConfiguration(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		config passkey.Config
		opts   ginauth.Options
		want   string // part of the fault; empty: none
	}{
		"BaseURL":               {passkey.Config{}, ginauth.Options{BaseURL: "https://app.example.com"}, ""},
		"parent domain":         {passkey.Config{RPID: "example.com"}, ginauth.Options{BaseURL: "https://app.example.com"}, ""},
		"many hosts":            {passkey.Config{RPID: "example.com", Origins: []string{"https://a.example.com", "https://b.example.com"}}, ginauth.Options{TrustedHosts: []string{"*.example.com"}}, ""},
		"localhost":             {passkey.Config{}, ginauth.Options{BaseURL: "http://localhost:8080"}, ""},
		"no host, no RPID":      {passkey.Config{}, ginauth.Options{TrustedHosts: []string{"*.example.com"}}, "Config.RPID is empty"},
		"no host, no origins":   {passkey.Config{RPID: "example.com"}, ginauth.Options{TrustedHosts: []string{"*.example.com"}}, "Config.Origins is empty"},
		"another domain":        {passkey.Config{RPID: "example.org"}, ginauth.Options{BaseURL: "https://app.example.com"}, "not on the domain"},
		"similar domain":        {passkey.Config{RPID: "ple.com"}, ginauth.Options{BaseURL: "https://example.com"}, "not on the domain"},
		"a URL":                 {passkey.Config{RPID: "https://example.com"}, ginauth.Options{BaseURL: "https://app.example.com"}, "without scheme"},
		"a port":                {passkey.Config{RPID: "example.com:443"}, ginauth.Options{BaseURL: "https://app.example.com"}, "without scheme and port"},
		"top level":             {passkey.Config{RPID: "com"}, ginauth.Options{BaseURL: "https://example.com"}, "Config.RPID is"},
		"upper case":            {passkey.Config{RPID: "Example.com"}, ginauth.Options{BaseURL: "https://example.com"}, "lower case"},
		"an address":            {passkey.Config{}, ginauth.Options{BaseURL: "http://127.0.0.1:8080"}, "http://localhost:8080"},
		"http":                  {passkey.Config{}, ginauth.Options{BaseURL: "http://app.example.com"}, "https origin"},
		"origin with a path":    {passkey.Config{Origins: []string{"https://example.com/"}}, ginauth.Options{BaseURL: "https://example.com"}, "Config.Origins has"},
		"no PasskeyStore":       {passkey.Config{}, ginauth.Options{BaseURL: "https://example.com", Adapter: newMemory()}, "PasskeyStore"},
		"a provider's ID":       {passkey.Config{}, ginauth.Options{BaseURL: "https://example.com", Providers: []ginauth.Provider{ginauth.Credentials{ID: "passkey", Authorize: nobody}}}, `has the id "passkey"`},
		"no other way at all":   {passkey.Config{}, ginauth.Options{BaseURL: "https://example.com", Providers: []ginauth.Provider{}}, ""},
		"an Adapter is missing": {passkey.Config{}, ginauth.Options{BaseURL: "https://example.com", Adapter: noAdapter}, "needs an Adapter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := row.opts
			opts.Secret, opts.Factors.Passkeys = testSecret, passkey.New(row.config)
			switch {
			case opts.Adapter == noAdapter:
				opts.Adapter = nil
			case opts.Adapter == nil:
				opts.Adapter = ginauth.MemoryAdapter()
			}
			if opts.Providers == nil {
				opts.Providers = []ginauth.Provider{ginauth.Credentials{Authorize: nobody}}
			}
			_, err := ginauth.Register(gin.New(), opts)
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

var noAdapter ginauth.Adapter = struct{ ginauth.Adapter }{}

func nobody(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }
