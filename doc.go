// Package ginauth adds sign-in to Gin applications, after the model of
// NextAuth.js: one call mounts the routes for signing in and out at any of
// goth's providers, one middleware guards a route group, and one function reads
// who is signed in.
//
//	r := gin.Default()
//	auth, err := ginauth.Register(r, ginauth.Options{
//		Providers: ginauth.Goth(github.New(os.Getenv("GITHUB_ID"), os.Getenv("GITHUB_SECRET"), "", "user:email")),
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	me := r.Group("/me", auth.RequireSession())
//	me.GET("", func(c *gin.Context) {
//		c.JSON(http.StatusOK, ginauth.GetSession(c))
//	})
//
// # Wire contract
//
// The routes, cookies and answers are those of NextAuth.js version 4: the client
// next-auth/react works with them unmodified, and a session cookie that a
// Next.js application sealed with the same secret opens here, and the other way
// round.
//
// # Sign-in
//
// Each sign-in is bound to the browser that started it, to its provider, client
// and callback URL by state, to its token request by PKCE (RFC 7636), to its
// id_token by a nonce (OpenID Connect Core §3.1.2.1) and to its issuer
// (RFC 9207), whether or not the goth provider in use knows of these. Requests
// to a provider end after ten seconds, and its answers at 1 MiB.
//
// Email signs people in by a link or code in a mail. Its page uses the link up, and
// not the request for it, since programs that look into mails follow links.
//
// # Session
//
// A session is a token sealed in a cookie (a JWE, RFC 7516, with A256GCM). It
// needs no store, and it cannot be ended from the server before its MaxAge,
// unless Session.Revocations remember who was signed out. With Session.Store it
// is kept on the server, and the cookie holds a handle.
//
// # Environment
//
// NEXTAUTH_SECRET (or AUTH_SECRET) and NEXTAUTH_URL (or AUTH_URL) stand in for
// Options.Secret and Options.BaseURL, AUTH_TRUST_HOST=true for trusting every
// host.
package ginauth
