package tests

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// secrets collects, by kind, what must not stand in a log.
type secrets struct {
	mu     sync.Mutex
	values map[string]string
}

func (s *secrets) add(kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value != "" {
		s.values[value] = kind
	}
}

// found names the secrets that a log holds, be it only their first 16 bytes.
func (s *secrets) found(log string) (kinds []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for value, kind := range s.values {
		if head := value[:min(len(value), 16)]; strings.Contains(log, head) || strings.Contains(log, url.QueryEscape(head)) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

const (
	leakedAccess  = "leaked-access-token-0123456789"
	leakedRefresh = "leaked-refresh-token-0123456789"
	leakedID      = "eyJhbGciOiJub25lIn0.leaked-id-token-0123456789.x"
)

// echo answers a request with all that it brought, and tokens beside, in a body
// of that kind.
func echo(status int, contentType, format string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		all := strings.Join([]string{
			string(body), r.URL.RawQuery, r.Header.Get("Authorization"), user, password, leakedAccess, leakedRefresh, leakedID,
		}, " ")
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, all)
	})
}

func TestAttack35_SecretsInLogs(t *testing.T) {
	t.Parallel()
	fails := func(text string) func(access string) error {
		return func(access string) error {
			return errors.New(strings.ReplaceAll(text, "{token}", access))
		}
	}
	type flow struct {
		name        string
		lie         func(*ginauthtest.Provider)
		signIn, jwt func(access string) error
		cancel      bool
		silent      bool // nothing goes wrong, so nothing need be logged
	}
	broken := func(e ginauthtest.Endpoint, h http.Handler) func(*ginauthtest.Provider) {
		return func(p *ginauthtest.Provider) { p.Break(e, h) }
	}
	const object = `{"error":"invalid_grant","error_description":%q}`
	flows := []flow{
		{name: "success", silent: true},
		{name: "refused by the person", cancel: true},
		{name: "token endpoint: an OAuth error", lie: broken(ginauthtest.Token, echo(400, "application/json", object))},
		{name: "token endpoint: an error code full of secrets", lie: broken(ginauthtest.Token, echo(400, "application/json", `{"error":"x","error_uri":%q}`))},
		{name: "token endpoint: a page", lie: broken(ginauthtest.Token, echo(500, "text/html", "<html>%s</html>"))},
		{name: "token endpoint: text", lie: broken(ginauthtest.Token, echo(502, "text/plain", "%s"))},
		{name: "token endpoint: an error with 200", lie: broken(ginauthtest.Token, echo(200, "application/json", object))},
		{name: "token endpoint: broken JSON", lie: broken(ginauthtest.Token, echo(200, "application/json", `{"access_token":%q,`))},
		{name: "token endpoint: text with 200", lie: broken(ginauthtest.Token, echo(200, "application/json", "%s"))},
		{name: "token endpoint: a list", lie: broken(ginauthtest.Token, echo(200, "application/json", `[%q]`))},
		{name: "token endpoint: no access token", lie: broken(ginauthtest.Token, echo(200, "application/json", `{"refresh_token":%q}`))},
		{name: "token endpoint: a redirect", lie: broken(ginauthtest.Token, ginauthtest.RedirectTo("http://127.0.0.1:1/?code="+leakedAccess, 307))},
		{name: "token endpoint: a redirect that is none", lie: broken(ginauthtest.Token, ginauthtest.RedirectTo("http://%zz/"+leakedAccess, 307))},
		{name: "userinfo: a page", lie: broken(ginauthtest.Userinfo, echo(500, "text/html", "<html>%s</html>"))},
		{name: "userinfo: an error", lie: broken(ginauthtest.Userinfo, echo(401, "application/json", object))},
		{name: "userinfo: text", lie: broken(ginauthtest.Userinfo, echo(200, "application/json", "%s"))},
		{name: "userinfo: nobody", lie: broken(ginauthtest.Userinfo, echo(200, "application/json", `{"note":%q}`))},
		{name: "SignIn callback", signIn: fails("the database is down")},
		{name: "SignIn callback with a URL", signIn: fails(`Get "https://api.example/u?access_token={token}": refused`)},
		{name: "SignIn callback denies", signIn: func(string) error { return ginauth.ErrAccessDenied }},
		{name: "JWT callback with a URL", jwt: fails(`Get "https://api.example/u?access_token={token}": refused`)},
	}
	openID := []flow{
		{name: "id_token: another key", lie: func(p *ginauthtest.Provider) { p.Sign(ginauthtest.WrongKey) }},
		{name: "id_token: unsigned", lie: func(p *ginauthtest.Provider) { p.Sign(ginauthtest.None) }},
		{name: "id_token: another nonce", lie: func(p *ginauthtest.Provider) {
			p.TamperClaims(func(claims map[string]any) { claims["nonce"] = claims["nonce"].(string) + "x" })
		}},
		{name: "id_token: malformed", lie: func(p *ginauthtest.Provider) {
			p.TamperToken(func(answer map[string]any) { answer["id_token"] = leakedID })
		}},
		{name: "id_token: not base64", lie: func(p *ginauthtest.Provider) {
			p.TamperToken(func(answer map[string]any) { answer["id_token"] = leakedAccess + "." + leakedRefresh + ".%" })
		}},
		{name: "id_token: one part", lie: func(p *ginauthtest.Provider) {
			p.TamperToken(func(answer map[string]any) { answer["id_token"] = leakedAccess })
		}},
	}
	kinds := map[string]func(*ginauthtest.Provider) goth.Provider{
		"oidc": func(idp *ginauthtest.Provider) goth.Provider { return local(idp, "local") },
		"goth": func(idp *ginauthtest.Provider) goth.Provider {
			p := github.NewCustomisedURL(idp.ClientID(), idp.ClientSecret(), "", idp.Issuer()+"/authorize",
				idp.Issuer()+"/token", idp.Issuer()+"/userinfo", idp.Issuer()+"/emails")
			p.SetName("local")
			return p
		},
	}
	person := ginauthtest.Person{Subject: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true, Claims: map[string]any{"id": 1}}
	for kind, build := range kinds {
		rows := flows
		if kind == "oidc" {
			rows = append(rows[:len(rows):len(rows)], openID...)
		}
		for _, row := range rows {
			t.Run(kind+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				s := &secrets{values: map[string]string{leakedAccess: "body", leakedRefresh: "body", leakedID: "body", testSecret: "secret"}}
				idp := newIDP(t, ginauthtest.Config{People: []ginauthtest.Person{person}})
				s.add("client secret", idp.ClientSecret())
				a := newApp(t, ginauth.Options{Providers: ginauth.Goth(build(idp)), Callbacks: ginauth.Callbacks{
					SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
						s.add("access token", p.Account.AccessToken)
						s.add("refresh token", p.Account.RefreshToken)
						s.add("id_token", p.Account.IDToken)
						if row.signIn != nil {
							return row.signIn(p.Account.AccessToken)
						}
						return nil
					},
					JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
						if p.Account != nil && row.jwt != nil {
							return row.jwt(p.Account.AccessToken)
						}
						return nil
					},
				}})
				b := a.browser(t)
				cookies := func() {
					for _, c := range b.Jar.Cookies(b.request(http.MethodGet, "/", nil).URL) {
						if c.Name != callbackURLCookie && c.Name != "next-auth.last-used" { // a URL, and a provider's ID
							// Every token of ours has one header in front.
							s.add("cookie "+c.Name, strings.TrimPrefix(c.Value, "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.."))
						}
					}
				}
				s.add("csrf token", b.csrf())
				authURL := b.begin("local", "/me")
				cookies()
				if row.lie != nil {
					row.lie(idp)
				}
				callback, err := idp.Approve(t.Context(), authURL, "ada")
				if row.cancel {
					callback, err = idp.Cancel(t.Context(), authURL)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.add("state", callback.Query().Get("state"))
				s.add("code", callback.Query().Get("code"))
				if sent, err := url.Parse(authURL); err == nil {
					s.add("nonce", sent.Query().Get("nonce"))
				}
				b.get(callback.String())
				cookies()
				for _, request := range idp.TokenRequests() {
					s.add("code verifier", request.Form.Get("code_verifier"))
				}
				logged := a.log.String()
				if (logged == "") != row.silent {
					t.Errorf("the log is %q", logged)
				}

				b.get("/me")
				b.get(callback.String()) // again
				q := callback.Query()
				q.Set("state", q.Get("state")+"x")
				b.get("/api/auth/callback/local?" + q.Encode())
				for value := range s.values {
					a.send(t, http.MethodGet, "/me", "", "Authorization", "Bearer "+value)
					a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+url.QueryEscape(value))
					a.send(t, http.MethodGet, "/api/auth/session", "", "Cookie", sessionCookie+"="+url.QueryEscape(value)+"; "+csrfCookie+"="+url.QueryEscape(value))
				}
				b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
				if kinds := s.found(a.log.String()); kinds != nil {
					t.Errorf("the log holds %v: %s", kinds, a.log.String())
				}
			})
		}
	}
}

// TestAttack53_Timing reads the source: what a comparison of secrets leaks, no
// test on a busy machine can measure.
func TestAttack53_Timing(t *testing.T) {
	t.Parallel()
	// secret are the words that the names of compared secrets consist of.
	secret := []string{"state", "binding", "nonce", "verifier", "csrf", "hash", "sum", "challenge"}
	calls := map[string]int{} // calls of a constant-time comparison by function
	for path, file := range goFiles(t) {
		if isTestCode(file) {
			continue
		}
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			place := filepath.ToSlash(filepath.Dir(path)) + " " + function.Name.Name
			ast.Inspect(function, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if (n.Op == token.EQL || n.Op == token.NEQ) && (isSecret(n.X, secret) || isSecret(n.Y, secret)) && !isConstant(n.X) && !isConstant(n.Y) {
						t.Errorf("%s compares a secret with %s", place, n.Op)
					}
				case *ast.CallExpr:
					switch called := words(n.Fun); called {
					case "Equal", "token.Equal", "subtle.ConstantTimeCompare":
						calls[place]++
					case "strings.EqualFold", "strings.Compare", "strings.HasPrefix", "bytes.Equal", "slices.Equal", "reflect.DeepEqual":
						if isSecret(n.Args[0], secret) || isSecret(n.Args[1], secret) {
							t.Errorf("%s compares a secret with %s", place, called)
						}
					}
				}
				return true
			})
		}
	}
	for function, want := range map[string]int{
		"internal/token Equal":      1, // of which the others are made
		"internal/token Open":       1, // the hash in the CSRF cookie
		"internal/form Check":       1, // the CSRF token of a form
		"internal/transaction Find": 1, // state
		"internal/oauth Complete":   2, // state and binding
		"internal/openid Verify":    1, // nonce
	} {
		if calls[function] < want {
			t.Errorf("%s compares %d times in constant time, want %d", function, calls[function], want)
		}
	}
}

// isTestCode reports whether a file is a test or a suite of tests.
func isTestCode(file *ast.File) bool {
	return slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` })
}

// words is an expression's names with dots between.
func words(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return words(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return words(e.Fun)
	case *ast.IndexExpr:
		return words(e.X)
	}
	return ""
}

// isSecret reports whether the last name of an expression says that it holds a
// secret to compare.
func isSecret(e ast.Expr, secret []string) bool {
	name := words(e)
	name = strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	for _, word := range secret {
		if strings.Contains(name, word) && !strings.HasPrefix(name, "err") {
			return true
		}
	}
	return false
}

// isConstant tells what gives nothing away: a literal or nil.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}

// An application that logs a request's context, or one derived from it, logs no session.
func TestAttack35_PrintedContext(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	cookie := sessionFor(t, "ada@example.com", nil)
	a.engine.GET("/print", a.auth.RequireSession(), func(c *gin.Context) {
		derived, cancel := context.WithCancel(c.Request.Context())
		defer cancel()
		for _, ctx := range []context.Context{c.Request.Context(), derived} {
			var out strings.Builder
			fmt.Fprintf(&out, "%v %+v %#v %s %q", ctx, ctx, ctx, ctx, ctx)
			slog.New(slog.NewTextHandler(&out, nil)).Info("", "ctx", ctx)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("", "ctx", ctx)
			for _, secret := range []string{cookie, "ada@example.com"} {
				if strings.Contains(out.String(), secret) {
					t.Errorf("%T prints %q", ctx, secret)
				}
			}
		}
		c.Status(http.StatusNoContent)
	})
	if res := a.send(t, http.MethodGet, "/print", "", "Cookie", sessionCookie+"="+cookie); res.StatusCode != http.StatusNoContent {
		t.Errorf("/print answered %d", res.StatusCode)
	}
}
