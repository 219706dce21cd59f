package ginauth

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/claims"
	"github.com/ginauth/ginauth/internal/lifetime"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/tokenset"
)

// A Token is what a session is made of: the claims sealed in the session cookie.
// The browser cannot read it. JWT callbacks keep in Claims what later requests
// need.
type Token struct {
	Subject string // sub: the user's ID
	Name    string
	Email   string
	Picture string
	ID      string // jti: new each time the token is sealed

	IssuedAt  time.Time // iat: when this token was sealed
	ExpiresAt time.Time // exp
	// AuthTime is when the person signed in (auth_time, OpenID Connect Core §2).
	// Sealing again does not move it. It is zero in tokens that next-auth made.
	AuthTime time.Time

	// Claims are all others. Values read from a token have JSON's types, with
	// json.Number for numbers, so that no digit is lost.
	Claims map[string]any

	shape        claims.Shape
	domain       string            // claimDomain
	browser      string            // claimBrowser: that the session began in, for the account page
	sid          string            // claimSession; empty in tokens that others made: see sessionID
	grant        *tokenset.Grant   // of the sign-in at a provider; nil: nothing is kept of it
	notInAdapter bool              // claimUnlisted: the user is not the Adapter's
	life         lifetime.Lifetime // claimLifetime: what this session has of its own
	since        time.Time         // claimSince
	factors      string            // claimFactors, not yet checked
}

// claimUnlisted marks, beside an Adapter, the session of somebody whom Credentials
// signed in. The adapter need not know them, so they are not looked up there.
const claimUnlisted = "ginauth_unlisted"

// claimSession names the session: random at each sign-in and kept by each sealing,
// next-auth's too. No callback changes it.
const claimSession = "ginauth_sid"

// claimLifetime is the Lifetime of the session, where it has one of its own.
const claimLifetime = "ginauth_lifetime"

// claimSince is when a session began whose token has no auth_time: the iat that it had
// when ginauth first sealed it. It is written only with an AbsoluteMaxAge.
// next-auth writes a new iat each time.
const claimSince = "ginauth_since"

// claimFactors holds how the person proved who they are, with a MAC: see internal/factor.
// No callback changes it, and what another program writes there proves nothing.
const claimFactors = "ginauth_factors"

// claimDomain is the Cookies.Domain that the session's cookie was set with, where
// there was one: only a deletion with that Domain reaches it, and a deployment with
// another configuration would not know it.
const claimDomain = "ginauth_domain"

// claimBrowser is the claim with the name of the browser that a session began in.
const claimBrowser = "ginauth_browser"

var errLifetime = errors.New("ginauth: the session token has a lifetime that cannot be read")

// leeway is how far clocks may be apart.
const leeway = claims.Leeway

// ownClaim reports whether a claim decides, or has a field.
func ownClaim(name []byte) bool {
	switch string(name) {
	case "sub", "name", "email", "picture", "jti", "exp", "iat", "auth_time", "nbf",
		claimSince, claimLifetime, claimSession, claimFactors, claimDomain, claimBrowser, claimUnlisted, tokenset.Claim:
		return true
	}
	return false
}

// parse reads a token's payload and checks its times: valid until exp and from
// nbf on, with 15 seconds of leeway. A token without exp is accepted, as
// next-auth accepts it.
func (t *Token) parse(payload []byte, now time.Time) error {
	v := t.begin()
	err := claims.Each(payload, func(name string, value claims.Value) { t.take(name, value, &v) })
	return cmp.Or(err, v.Check(now))
}

// parseOwn is parse without further claims; more reports whether there are any. It is
// cheaper for a request that asks for none.
func (t *Token) parseOwn(payload []byte, now time.Time) (more bool, err error) {
	v := t.begin()
	more, err = claims.Some(payload, ownClaim, func(name string, value claims.Value) { t.take(name, value, &v) })
	return more, cmp.Or(err, v.Check(now))
}

// further reads the further claims of a payload that parseOwn has checked.
func (t *Token) further(payload []byte) {
	_, _ = claims.Some(payload, func(name []byte) bool { return !ownClaim(name) }, t.keepClaim)
}

// keepClaim keeps a claim among the further ones.
func (t *Token) keepClaim(name string, value claims.Value) {
	claims.Make(&t.Claims)
	t.Claims[name] = value.Any()
}

func (t *Token) begin() claims.Validity {
	*t = Token{shape: claims.Absent(userTexts)}
	return claims.Always()
}

// take sets the field of a claim, or keeps the claim among the further ones.
func (t *Token) take(name string, value claims.Value, v *claims.Validity) {
	if !t.takeOwn(name, value, v) {
		t.keepClaim(name, value)
	}
}

// takeOwn takes a claim that has a field, and is of the field's type.
func (t *Token) takeOwn(name string, value claims.Value, v *claims.Validity) (taken bool) {
	switch name {
	case "sub":
		return value.TextInto(&t.Subject)
	case "jti":
		return value.TextInto(&t.ID)
	case claimSession:
		return value.TextInto(&t.sid)
	case claimFactors:
		return value.TextInto(&t.factors)
	case claimDomain:
		return value.TextInto(&t.domain)
	case claimBrowser:
		return value.TextInto(&t.browser)
	case "name":
		return t.shape.Read(nameText, value, &t.Name)
	case "email":
		return t.shape.Read(emailText, value, &t.Email)
	case "picture":
		return t.shape.Read(pictureText, value, &t.Picture)
	case "exp":
		t.ExpiresAt = v.Expires(value)
	case "iat":
		t.IssuedAt = v.Time(value)
	case "auth_time":
		t.AuthTime = v.Time(value)
	case claimSince:
		t.since = v.Time(value)
	case claimLifetime:
		var ok bool
		if t.life, ok = lifetime.Parse(value.JSON()); !ok {
			v.Fail(errLifetime)
		}
	case tokenset.Claim:
		t.grant = tokenset.Parse(value.JSON())
		return t.grant != nil
	case claimUnlisted:
		t.notInAdapter = value.Any() == true
		return t.notInAdapter
	case "nbf":
		v.NotBefore(value) // and kept as it is
		return false
	default:
		return false
	}
	return true
}

// parse reads a token's payload, and refuses one whose session has lasted as long as it
// may. exp counts only if it is earlier: next-auth writes one by its own MaxAge.
func (a *Auth) parse(t *Token, payload []byte, now time.Time) error {
	if err := t.parse(payload, now); err != nil {
		return err
	}
	return a.checkLifetime(t, now)
}

func (a *Auth) checkLifetime(t *Token, now time.Time) error {
	end, ok := t.life.Until(a.lifetimes(), t.began(), t.IssuedAt, t.ExpiresAt, now, leeway)
	if t.ExpiresAt = end; !ok {
		return claims.ErrExpired
	}
	return nil
}

// began is when the session of a token began; zero if the token does not say.
func (t *Token) began() time.Time {
	switch {
	case !t.AuthTime.IsZero():
		return t.AuthTime
	case !t.since.IsZero():
		return t.since
	}
	return t.IssuedAt
}

// lifetime is how long the session of a token may last.
func (a *Auth) lifetime(t *Token) lifetime.Lifetime {
	return lifetime.Of(t.life, a.lifetimes())
}

// lifetimes is how long all sessions may last.
func (a *Auth) lifetimes() lifetime.Lifetime {
	return lifetime.Lifetime{MaxAge: a.opts.Session.MaxAge, AbsoluteMaxAge: a.opts.Session.AbsoluteMaxAge}
}

// endOf is when the session of a token ends that is sealed now.
func (t *Token) endOf(l lifetime.Lifetime, now time.Time) time.Time {
	return l.End(lifetime.Began(t.began(), now), now)
}

// cookieEnd is the Expires of a cookie whose session ends then; zero: it has none.
func (t *Token) cookieEnd(expires time.Time) time.Time {
	if t.life.BrowserSession {
		return time.Time{}
	}
	return expires
}

// claims writes the claims that sealing keeps: all but iat, exp and jti.
func (t *Token) claims() *claims.Object {
	o := &claims.Object{}
	t.shape.Write(nameText, o, "name", t.Name)
	t.shape.Write(emailText, o, "email", t.Email)
	t.shape.Write(pictureText, o, "picture", t.Picture)
	o.AddText("sub", t.Subject)
	o.AddTime("auth_time", t.AuthTime)
	o.AddText(claimSession, t.sid)
	o.AddText(claimFactors, t.factors)
	o.AddText(claimDomain, t.domain)
	o.AddText(claimBrowser, t.browser)
	if t.grant != nil {
		o.Add(tokenset.Claim, t.grant)
	}
	if t.notInAdapter {
		o.Add(claimUnlisted, true)
	}
	if t.life != (lifetime.Lifetime{}) {
		o.Add(claimLifetime, t.life)
	}
	o.AddTime(claimSince, t.since)
	o.AddAll(claims.Without(t.Claims, t.taken()...))
	return o
}

// taken are the names of claims that have a field of their own. A claim of
// another type than the field's is kept in Claims until the field is set.
func (t *Token) taken() []string {
	names := []string{"iat", "exp", "jti", "auth_time", claimSession, claimDomain, claimBrowser, claimUnlisted, claimLifetime, claimSince, claimFactors, tokenset.Claim}
	for _, f := range [...]struct{ name, text string }{
		{"sub", t.Subject}, {"name", t.Name}, {"email", t.Email}, {"picture", t.Picture},
	} {
		if f.text != "" {
			names = append(names, f.name)
		}
	}
	return names
}

// maxPayload is how long a session's claims may be, in bytes: a dozen cookies.
// Browsers and servers refuse requests with many more.
const maxPayload = 32 << 10

// stamp gives the token of a session that lasts so long new times and a new ID, and
// returns its payload.
func (t *Token) stamp(now time.Time, l lifetime.Lifetime) ([]byte, error) {
	t.sid = t.sessionID()
	if l.AbsoluteMaxAge > 0 && t.AuthTime.IsZero() {
		t.since = lifetime.Began(t.began(), now)
	}
	t.IssuedAt, t.ExpiresAt, t.ID = now, t.endOf(l, now), token.NewID()
	return t.payload()
}

// revocable is what identifies the token's session to revocations.
func (t *Token) revocable() revocation.Session {
	s := revocation.Session{SID: t.sid, TokenID: t.ID, Subject: t.Subject, SignedIn: t.AuthTime}
	if t.grant != nil {
		s.Account, s.ProviderSession = t.grant.Account, t.grant.Session
	}
	return s
}

// sessionID names the session of the token: see revocation.Session.ID.
func (t *Token) sessionID() string { return t.revocable().ID() }

// sameSession reports whether two tokens are of one session: of one sign-in.
func (t *Token) sameSession(other *Token) bool {
	id := t.sessionID()
	return id != "" && id == other.sessionID()
}

// keepSession gives the token the session of before, with its lifetime and factors,
// whatever a callback did to it.
func (t *Token) keepSession(before *Token) {
	t.sid, t.life, t.since, t.factors, t.browser = before.sid, before.life, before.since, before.factors, before.browser
	if t.AuthTime.IsZero() && !before.AuthTime.IsZero() {
		t.since = before.AuthTime
	}
	if t.sid == "" && (t.ID != before.ID || t.Subject != before.Subject || !t.AuthTime.Equal(before.AuthTime)) {
		t.sid = before.sessionID()
	}
}

// largest is the name of the longest claim, and the option that it comes from.
func (t *Token) largest() (name, from string) {
	kept := map[string]any{}
	if t.grant != nil {
		kept["the provider's access token"] = t.grant.Access
	}
	most := 0
	for _, part := range [...]struct {
		from string
		of   map[string]any
	}{
		{"Callbacks.JWT", t.Claims},
		{"what OAuth.Profile or Credentials.Authorize returns", map[string]any{"sub": t.Subject, "name": t.Name, "email": t.Email, "picture": t.Picture}},
		{"Session.KeepTokens", kept},
	} {
		if claim, n := claims.Longest(part.of); n > most {
			most, name, from = n, claim, part.from
		}
	}
	return name, from
}

// payload is the token as it is kept.
func (t *Token) payload() ([]byte, error) {
	o := t.claims()
	o.Add("iat", t.IssuedAt.Unix())
	o.Add("exp", t.ExpiresAt.Unix())
	o.Add("jti", t.ID)
	payload, err := o.Bytes()
	if err == nil && len(payload) > maxPayload {
		err = fmt.Errorf("ginauth: the session's claims are %d bytes long; keep less in them, at most %d", len(payload), maxPayload)
	}
	return payload, err
}

// session is what the token says to handlers and the browser.
func (t *Token) session(expires time.Time) Session {
	return Session{
		User: User{
			ID: t.Subject, Name: t.Name, Email: t.Email, Image: t.Picture,
			shape: t.shape,
		},
		Expires: expires,
		Error:   t.trouble(),
	}
}

// refreshTokenError is the Session.Error of a session whose provider renews its
// tokens no more. NextAuth's own examples have the name.
const refreshTokenError = "RefreshTokenError"

// trouble is the Session.Error of a token.
func (t *Token) trouble() string {
	if t.grant != nil && t.grant.Refused {
		return refreshTokenError
	}
	return ""
}

// changed reports whether the JWT callback altered a token that was opened from
// payload.
func (t *Token) changed(payload []byte, now time.Time) bool {
	var before Token
	if before.parse(payload, now) != nil {
		return true
	}
	if before.Subject == t.Subject && before.Name == t.Name && before.Email == t.Email &&
		before.Picture == t.Picture && before.AuthTime.Equal(t.AuthTime) &&
		(before.grant == nil) == (t.grant == nil) && claims.Same(before.Claims, t.Claims) {
		return false
	}
	// A callback may have written the same claims in other Go types.
	a, errA := before.claims().Bytes()
	b, errB := t.claims().Bytes()
	return errA != nil || errB != nil || string(a) != string(b)
}
