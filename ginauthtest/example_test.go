package ginauthtest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	ginauthoidc "github.com/ginauth/ginauth/oidc"
)

// A whole sign-in, with the provider's Approve in the browser's place.
func ExampleNewProvider() {
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()

	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, p.Issuer())
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     p.ClientID(),
		ClientSecret: p.ClientSecret(),
		RedirectURL:  "http://localhost:8080/api/auth/callback/local",
		Endpoint:     provider.Endpoint(),
		Scopes:       []string{"openid", "profile", "email"},
	}
	verifier := oauth2.GenerateVerifier()
	callback, err := p.Approve(ctx, config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), "ada")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("back at", callback.Host+callback.Path)

	token, err := config.Exchange(ctx, callback.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	user, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Subject, user.Email)
	// Output:
	// back at localhost:8080/api/auth/callback/local
	// ada ada@example.com
}

// The provider names another person, then tells the truth
// again.
func ExampleProvider_TamperResponse() {
	p, err := ginauthtest.NewProvider(ginauthtest.Config{AllowNoPKCE: true})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	request := p.Issuer() + "/authorize?" + url.Values{
		"client_id":     {p.ClientID()},
		"redirect_uri":  {"http://localhost:8080/callback"},
		"response_type": {"code"},
	}.Encode()

	p.TamperResponse(func(q url.Values) { q.Set("iss", "https://evil.example") })
	callback, err := p.Approve(context.Background(), request, "grace")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(callback.Query().Get("iss"))

	p.Reset()
	callback, err = p.Approve(context.Background(), request, "grace")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(callback.Query().Get("iss") == p.Issuer())
	// Output:
	// https://evil.example
	// true
}

// A userinfo endpoint that is down.
func ExampleProvider_Break() {
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	p.Break(ginauthtest.Userinfo, ginauthtest.Answer(http.StatusServiceUnavailable, "text/plain", "down"))

	response, err := http.Get(p.Issuer() + string(ginauthtest.Userinfo))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output: 503 Service Unavailable
}

// An access token for an API, without a sign-in.
func ExampleProvider_AccessToken() {
	p, err := ginauthtest.NewProvider(ginauthtest.Config{APIAudience: "https://api.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	auth, err := ginauth.New(ginauth.Options{Secret: "a secret of this test, 32 bytes long"})
	if err != nil {
		log.Fatal(err)
	}
	verify, err := ginauthoidc.NewBearer(ginauthoidc.BearerConfig{Issuer: p.Issuer(), Audience: "https://api.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.GET("/orders", auth.AcceptBearer(verify), auth.RequireSession(ginauth.Scope("orders:read")), func(c *gin.Context) {
		c.String(http.StatusOK, "%v", ginauth.GetSession(c).Scopes)
	})

	token, err := p.AccessToken("ada", "orders:read")
	if err != nil {
		log.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/orders", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	fmt.Println(w.Code, w.Body)
	// Output: 200 [orders:read]
}
