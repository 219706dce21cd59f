package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/bench/internal/process"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/redisstore"
)

// envSetup is the environment variable with a setup in JSON.
const envSetup = "SOAK_SETUP"

// A setup is what the server is told.
type setup struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Secret       string
	Redis        string // its address; empty: sessions are sealed in the cookie
}

// providerID is the provider's name in the routes.
const providerID = "local"

// noteClaim is what a page changes of its session.
const noteClaim = "note"

// serve is the server, until the program that started it has ended. It announces two
// addresses: the site's, and that of what only the soak itself asks.
func serve() error {
	var s setup
	if err := json.Unmarshal([]byte(os.Getenv(envSetup)), &s); err != nil {
		return fmt.Errorf("%s: %w", envSetup, err)
	}
	site, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode) // as production runs: loopback has limits there too
	handler, err := application(s, "http://"+site.Addr().String())
	if err != nil {
		return err
	}
	ended := make(chan error, 3)
	go func() { ended <- http.Serve(site, handler) }()
	go func() { ended <- http.Serve(inner, vitals()) }()
	go func() { ended <- process.Left() }()
	process.Announce(site.Addr().String() + " " + inner.Addr().String())
	return <-ended
}

// application is the site.
func application(s setup, base string) (http.Handler, error) {
	opts := ginauth.Options{
		BaseURL: base,
		Secret:  s.Secret,
		Providers: ginauth.Goth(oidc.New(oidc.Config{
			Name: providerID, Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret,
		})),
		// The browsers come through a proxy, which this machine is, so that each has an
		// address and limits of its own. All limits are on, and count; only that of the
		// sign-ins that a client begins is set to what no browser here reaches.
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Limits:         ginauth.Limits{Starts: ginauth.Rate{Count: 1_000_000, Per: time.Minute}},
		// http.DefaultTransport keeps two connections to a host, and opens a new one for
		// each further request at the same time.
		HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		Callbacks:  ginauth.Callbacks{JWT: takeNote, Session: showNote},
	}
	if s.Redis != "" {
		client := redis.NewClient(&redis.Options{Addr: s.Redis})
		opts.Session = ginauth.SessionOptions{
			Store:       redisstore.New(client, redisstore.Options{}),
			Revocations: redisstore.NewRevocations(client, redisstore.Options{}),
			KeepTokens:  true,
		}
		opts.Limits.Limiter = redisstore.NewLimiter(client, redisstore.Options{})
	}
	engine := gin.New()
	auth, err := ginauth.Register(engine, opts)
	if err != nil {
		return nil, err
	}
	members := engine.Group("/", auth.RequireSession())
	members.GET("/me", func(c *gin.Context) {
		session := ginauth.GetSession(c)
		note, _ := ginauth.Value[string](session, noteClaim)
		c.JSON(http.StatusOK, me{session.User.ID, session.User.Email, note})
	})
	members.GET("/profile", func(c *gin.Context) {
		subject, err := subjectAtProvider(auth, c, s.Issuer)
		if err != nil {
			c.String(http.StatusBadGateway, "%v", err)
			return
		}
		c.JSON(http.StatusOK, profile{ginauth.GetSession(c).User.ID, subject})
	})
	return engine, nil
}

// me is what GET /me answers.
type me struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Note  string `json:"note"`
}

// profile is what GET /profile answers: who the session says it is, and who the
// provider says the token is of.
type profile struct {
	ID         string `json:"id"`
	AtProvider string `json:"atProvider"`
}

// takeNote keeps what a page posts to its session.
func takeNote(_ *gin.Context, p ginauth.JWTParams) error {
	if p.Trigger != ginauth.TriggerUpdate {
		return nil
	}
	data, ok := p.Update.(map[string]any)
	if !ok {
		return errors.New("the update is no object")
	}
	p.Token.Claims[noteClaim] = data[noteClaim]
	return nil
}

func showNote(_ *gin.Context, p ginauth.SessionParams) error {
	if note, ok := p.Token.Claims[noteClaim]; ok {
		p.Session.Values[noteClaim] = note
	}
	return nil
}

// subjectAtProvider asks the provider with the person's own access token.
func subjectAtProvider(auth *ginauth.Auth, c *gin.Context, issuer string) (string, error) {
	client, err := auth.Client(c)
	if err != nil {
		return "", err
	}
	res, err := client.Get(issuer + "/userinfo")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the provider answered %s", res.Status)
	}
	var claims struct{ Sub string }
	err = json.NewDecoder(res.Body).Decode(&claims)
	return claims.Sub, err
}

// A vital is what the server holds.
type vital struct {
	Heap       uint64 // bytes that are in use behind a collection of the garbage
	Goroutines int
}

// vitals answers what the server holds, and what its goroutines and its heap are.
func vitals() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /vitals", func(w http.ResponseWriter, _ *http.Request) {
		// Twice: what a sync.Pool holds goes with the second.
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(w).Encode(vital{m.HeapAlloc, runtime.NumGoroutine()})
	})
	mux.HandleFunc("GET /goroutines", func(w http.ResponseWriter, _ *http.Request) {
		_ = pprof.Lookup("goroutine").WriteTo(w, 1)
	})
	mux.HandleFunc("GET /heap", func(w http.ResponseWriter, _ *http.Request) {
		_ = pprof.Lookup("heap").WriteTo(w, 0)
	})
	return mux
}
