package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// bearerAlgorithms are those that authorization servers sign access tokens with.
var bearerAlgorithms = []string{"RS256", "ES256", "EdDSA"}

const bearerAPI = "https://api.example.com"

// A bearerPair is one access token, and two ways to say whose it is: a guarded request of
// ginauth, and golang-jwt's verification alone, without a request.
type bearerPair struct {
	token   string
	guarded operation
	alone   operation
	stop    func() error
}

// openBearer starts an issuer of access tokens of an algorithm.
func openBearer(algorithm string) (*bearerPair, error) {
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{APIAudience: bearerAPI, Algorithm: algorithm, TokenLifetime: 24 * time.Hour})
	if err != nil {
		return nil, err
	}
	p := &bearerPair{stop: idp.Close}
	if p.token, err = idp.AccessToken("ada", "orders:read"); err == nil {
		p.guarded, err = guardedByToken(idp.Issuer(), p.token)
	}
	if err == nil {
		p.alone, err = verifiedAlone(idp.Issuer(), algorithm, p.token)
	}
	if err == nil {
		err = p.guarded(0) // which fetches the keys
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", algorithm, err)
	}
	return p, nil
}

// guardedByToken is a request with an access token to a guarded route of ginauth.
func guardedByToken(issuer, token string) (operation, error) {
	verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: issuer, Audience: bearerAPI})
	if err != nil {
		return nil, err
	}
	auth, err := ginauth.New(ginauth.Options{Secret: secret, BaseURL: "http://app.example.com"})
	if err != nil {
		return nil, err
	}
	engine := gin.New()
	engine.GET("/", auth.AcceptBearer(verify), auth.RequireSession(ginauth.Scope("orders:read")), func(c *gin.Context) {
		c.Header("X-User", ginauth.GetSession(c).User.ID)
	})
	want := issuer + " ada"
	return func(int) error {
		req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://app.example.com/", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, req)
		if w.Code != http.StatusOK || w.Header().Get("X-User") != want {
			return fmt.Errorf("ginauth answers %d to %q", w.Code, w.Header().Get("X-User"))
		}
		return nil
	}, nil
}

// verifiedAlone is golang-jwt as its documentation shows it, with the issuer's key at hand.
func verifiedAlone(issuer, algorithm, token string) (operation, error) {
	res, err := http.Get(issuer + string(ginauthtest.JWKS))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, err
	}
	key := set.Keys[0].Key
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithIssuer(issuer), jwt.WithAudience(bearerAPI), jwt.WithExpirationRequired())
	return func(int) error {
		claims := jwt.MapClaims{}
		if _, err := parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			return err
		}
		if claims["sub"] != "ada" {
			return fmt.Errorf("golang-jwt reads %v", claims)
		}
		return nil
	}, nil
}

// maxBearerRatio is how many times golang-jwt's verification of a token a whole guarded
// request with it may cost.
const maxBearerRatio = 2

// A bearerRatio is what was measured of one algorithm: of each way its fastest round,
// since one core does all of the work, and whatever else the machine does only adds to it.
type bearerRatio struct {
	algorithm      string
	guarded, alone cost
}

func (r bearerRatio) ratio() float64 { return r.guarded.nanoseconds / r.alone.nanoseconds }

func (r bearerRatio) String() string {
	word := "missed"
	if r.ratio() <= maxBearerRatio {
		word = "held"
	}
	return fmt.Sprintf("%s: a guarded request with an access token, %s: at most %d times golang-jwt's verification of it alone; it is %.2f times (%.0f and %.0f ns, %.0f and %.0f allocations)",
		word, r.algorithm, maxBearerRatio, r.ratio(), r.guarded.nanoseconds, r.alone.nanoseconds, r.guarded.allocations, r.alone.allocations)
}

// measureBearer measures both ways beside each other.
func measureBearer(algorithm string, rounds int, slice time.Duration) (r bearerRatio, err error) {
	p, err := openBearer(algorithm)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	loads := []*load{
		{name: "ginauth, " + algorithm, sessions: 1, start: func() operation { return p.guarded }},
		{name: "golang-jwt, " + algorithm, sessions: 1, start: func() operation { return p.alone }},
	}
	if err := measure(loads, rounds, slice); err != nil {
		return r, err
	}
	return bearerRatio{algorithm, loads[0].least(), loads[1].least()}, nil
}
