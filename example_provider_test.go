package ginauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// exampleProvider is a provider that runs in this process, and its client.
func exampleProvider() (*ginauthtest.Provider, *oidc.Provider) {
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return idp, oidc.New(oidc.Config{
		Name: "work", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
	})
}

// exampleVisit is a browser in which somebody has signed in, as Ada Lovelace.
func exampleVisit(site string, idp *ginauthtest.Provider) (browser *http.Client, csrfToken string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(site + "/api/auth/csrf")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var csrf struct{ CSRFToken string }
	if err := json.NewDecoder(res.Body).Decode(&csrf); err != nil {
		log.Fatal(err)
	}
	begin, err := browser.PostForm(site+"/api/auth/signin/work", url.Values{"csrfToken": {csrf.CSRFToken}})
	if err != nil {
		log.Fatal(err)
	}
	defer begin.Body.Close()
	callback, err := idp.Approve(context.Background(), begin.Header.Get("Location"), "ada")
	if err != nil {
		log.Fatal(err)
	}
	back, err := browser.Get(callback.String())
	if err != nil {
		log.Fatal(err)
	}
	defer back.Body.Close()
	return browser, csrf.CSRFToken
}

// A handler calls the provider's API as the person who is signed in. Their token
// is kept with the session, and renewed when it has expired.
func ExampleAuth_Client() {
	idp, provider := exampleProvider()
	defer idp.Close()
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: ginauth.Goth(provider),
		Session: ginauth.SessionOptions{
			KeepTokens: true,
			Store:      ginauth.GinStore(memstore.NewStore([]byte(exampleSecret))), // without one, nothing can be renewed
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r.GET("/profile", auth.RequireSession(), func(c *gin.Context) {
		client, err := auth.Client(c)
		if errors.Is(err, ginauth.ErrTokensExpired) || errors.Is(err, ginauth.ErrNoTokens) {
			c.String(http.StatusForbidden, "sign in again")
			return
		}
		if err != nil {
			c.String(http.StatusBadGateway, "the provider does not answer")
			return
		}
		res, err := client.Get(idp.Issuer() + "/userinfo")
		if err != nil {
			c.String(http.StatusBadGateway, "the provider does not answer")
			return
		}
		defer res.Body.Close()
		var profile struct{ Name string }
		if err := json.NewDecoder(res.Body).Decode(&profile); err != nil {
			c.String(http.StatusBadGateway, "the provider does not answer")
			return
		}
		c.String(http.StatusOK, "the provider says that you are %s", profile.Name)
	})

	site := httptest.NewServer(r)
	defer site.Close()
	browser, _ := exampleVisit(site.URL, idp)
	res, err := browser.Get(site.URL + "/profile")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", body)
	// Output: the provider says that you are Ada Lovelace
}

// Signing out ends the session at the provider too.
func ExampleOAuth_signOutAtProvider() {
	idp, provider := exampleProvider()
	defer idp.Close()
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: []ginauth.Provider{ginauth.OAuth{Provider: provider, SignOutAtProvider: true}},
	})
	if err != nil {
		log.Fatal(err)
	}

	site := httptest.NewServer(r)
	defer site.Close()
	browser, csrfToken := exampleVisit(site.URL, idp)
	res, err := browser.PostForm(site.URL+"/api/auth/signout", url.Values{"csrfToken": {csrfToken}, "callbackUrl": {"/goodbye"}})
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(to.Path)
	fmt.Println(strings.TrimPrefix(to.Query().Get("post_logout_redirect_uri"), site.URL))
	// Output:
	// /logout
	// /goodbye
}

// A provider says that it has ended a session, and the one here ends with it. Its
// backchannel_logout_uri is the base URL, /backchannel-logout/ and the
// provider's ID.
func ExampleLogoutVerifier() {
	idp, provider := exampleProvider()
	defer idp.Close()
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: ginauth.Goth(provider),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	if err != nil {
		log.Fatal(err)
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.Status(http.StatusOK) })

	site := httptest.NewServer(r)
	defer site.Close()
	browser, _ := exampleVisit(site.URL, idp)
	me := func() int {
		res, err := browser.Get(site.URL + "/me")
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	fmt.Println(me())
	token, err := idp.LogoutToken("ada", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(idp.SendLogout(context.Background(), site.URL+"/api/auth/backchannel-logout/work", token))
	fmt.Println(me())
	// Output:
	// 200
	// 200 <nil>
	// 401
}

// People who have set up an authenticator app are asked for a code at each sign-in, and
// administrators must have one.
func ExampleFactorOptions() {
	users := ginauth.MemoryAdapter() // gormadapter's, with a TokenKey
	_, err := ginauth.New(ginauth.Options{
		Secret:  "a secret of 32 random bytes here",
		Adapter: users,
		Factors: ginauth.FactorOptions{
			OTP:         true,
			TrustDevice: 30 * 24 * time.Hour,
			Required: func(_ *gin.Context, user ginauth.User) bool {
				return strings.HasSuffix(user.Email, "@admin.example.com")
			},
		},
		Events: ginauth.Events{ChangeFactor: func(_ *gin.Context, e ginauth.ChangeFactorEvent) {
			slog.Info("second factor", "user", e.User.ID, "method", e.Method, "change", e.Change)
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}
