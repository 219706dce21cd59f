package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v3"
	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-pkgz/auth/v2"
	"github.com/go-pkgz/auth/v2/token"
	"github.com/golang-jwt/jwt/v5"
)

// openGinJWT is gin-jwt as its README shows it, with the token in a cookie. The
// claims are signed, and anybody who has the cookie reads them.
func openGinJWT(all *crowd) (*site, error) {
	middleware, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Key: key("gin-jwt", 32), SigningAlgorithm: "HS256", Timeout: lifetime,
		IdentityKey: "sub", TokenLookup: "cookie:jwt", SendCookie: true, CookieHTTPOnly: true,
		PayloadFunc: func(data any) jwt.MapClaims {
			p := data.(person)
			claims := jwt.MapClaims{"sub": p.Subject, "name": p.Name, "email": p.Email, "picture": p.Picture}
			if p.AccessToken != "" {
				claims["accessToken"] = p.AccessToken
			}
			return claims
		},
	})
	if err != nil {
		return nil, err
	}
	engine := gin.New()
	engine.GET("/", middleware.MiddlewareFunc(), func(c *gin.Context) {
		claims := ginjwt.ExtractClaims(c)
		var p person
		p.Subject, _ = claims["sub"].(string)
		p.Name, _ = claims["name"].(string)
		p.Email, _ = claims["email"].(string)
		p.Picture, _ = claims["picture"].(string)
		p.AccessToken, _ = claims["accessToken"].(string)
		tell(c, p)
	})
	s := &site{handler: engine, cookie: "jwt"}
	for _, p := range all.people {
		pair, err := middleware.TokenGenerator(context.Background(), p)
		if err != nil {
			return nil, err
		}
		s.values = append(s.values, pair.AccessToken)
	}
	return s, nil
}

// signed are the claims of the hand-written middleware with golang-jwt.
type signed struct {
	jwt.RegisteredClaims
	Name        string `json:"name"`
	Email       string `json:"email"`
	Picture     string `json:"picture"`
	AccessToken string `json:"accessToken,omitempty"`
}

// openGolangJWT reads the claims into a struct, which is golang-jwt's faster way,
// with a parser that is made once.
func openGolangJWT(all *crowd) (*site, error) {
	secret := key("golang-jwt", 32)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	keys := func(*jwt.Token) (any, error) { return secret, nil }
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) {
		cookie, err := c.Request.Cookie("jwt")
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		var claims signed
		if _, err := parser.ParseWithClaims(cookie.Value, &claims, keys); err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.Set("claims", &claims)
	}, func(c *gin.Context) {
		v, _ := c.Get("claims")
		t := v.(*signed)
		tell(c, person{t.Subject, t.Name, t.Email, t.Picture, t.AccessToken})
	})
	s := &site{handler: engine, cookie: "jwt"}
	now := time.Now()
	for _, p := range all.people {
		value, err := jwt.NewWithClaims(jwt.SigningMethodHS256, signed{
			jwt.RegisteredClaims{
				Subject: p.Subject, ID: opaque("jti "+p.Subject, 36),
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
			},
			p.Name, p.Email, p.Picture, p.AccessToken,
		}).SignedString(secret)
		if err != nil {
			return nil, err
		}
		s.values = append(s.values, value)
	}
	return s, nil
}

// openPkgz is go-pkgz/auth, whose middleware goes around the engine, where it needs
// no adapter. It asks for a header against cross-site request forgery; GET, which
// ginauth asks nothing of either, is left out by its own option.
func openPkgz(all *crowd) (*site, error) {
	service := auth.NewService(auth.Opts{
		SecretReader:  token.SecretFunc(func(string) (string, error) { return string(key("go-pkgz", 32)), nil }),
		TokenDuration: lifetime, CookieDuration: lifetime,
		Issuer: "bench", URL: baseURL, XSRFIgnoreMethods: []string{http.MethodGet},
	})
	service.AddProvider("github", "id", "secret")
	middleware := service.Middleware()
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) {
		user, err := token.GetUserInfo(c.Request)
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		tell(c, person{user.ID, user.Name, user.Email, user.Picture, user.StrAttr("accessToken")})
	})
	s := &site{handler: middleware.Auth(engine), cookie: "JWT"}
	for _, p := range all.people {
		user := token.User{ID: p.Subject, Name: p.Name, Email: p.Email, Picture: p.Picture}
		if p.AccessToken != "" {
			user.SetStrAttr("accessToken", p.AccessToken)
		}
		w := httptest.NewRecorder()
		_, err := service.TokenService().Set(w, token.Claims{
			RegisteredClaims: jwt.RegisteredClaims{ID: opaque("jti "+p.Subject, 36), Audience: jwt.ClaimStrings{"app"}},
			User:             &user,
			AuthProvider:     &token.AuthProvider{Name: "github"},
		})
		if err != nil {
			return nil, err
		}
		value, _ := cookieValue(w.Header(), s.cookie)
		s.values = append(s.values, value)
	}
	return s, nil
}

// sealed are the claims of ginauth's token as the hand-written middleware with
// go-jose takes them.
type sealed struct {
	josejwt.Claims
	Name        string `json:"name"`
	Email       string `json:"email"`
	Picture     string `json:"picture"`
	AccessToken string `json:"accessToken"`
}

// openJose opens the very tokens that ginauth reads, with go-jose's own package for
// encrypted JWTs.
func openJose(all *crowd) (*site, error) {
	key, err := nextAuthKey()
	if err != nil {
		return nil, err
	}
	algorithms, encryptions := []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM}
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) {
		cookie, err := c.Request.Cookie(sessionCookie)
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		var claims sealed
		t, err := josejwt.ParseEncrypted(cookie.Value, algorithms, encryptions)
		if err == nil {
			err = t.Claims(key, &claims)
		}
		if err == nil {
			err = claims.Validate(josejwt.Expected{Time: time.Now()})
		}
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.Set("claims", &claims)
	}, func(c *gin.Context) {
		v, _ := c.Get("claims")
		t := v.(*sealed)
		tell(c, person{t.Subject, t.Name, t.Email, t.Picture, t.AccessToken})
	})
	return &site{handler: engine, cookie: sessionCookie, values: all.tokens}, nil
}
