package ginauth

import "github.com/ginauth/ginauth/internal/redact"

// afterSignOut is where the browser goes when its session has ended: on to the
// provider where OAuth.SignOutAtProvider says so. A provider that cannot be asked
// where to is no reason to stay: the session here is over either way.
func (v *visit) afterSignOut(t *Token) string {
	if t == nil || t.grant == nil {
		return v.callbackURL
	}
	p := v.Auth.provider(t.grant.Provider)
	if p == nil || !p.signOut {
		return v.callbackURL
	}
	target, err := p.oauth.EndSession(v.c.Request.Context(), t.grant.IDToken, v.callbackURL)
	if err != nil {
		v.opts.Logger.Warn("ginauth: the person was signed out here, but not at the provider", "provider", p.id, "error", redact.Error(err))
		return v.callbackURL
	}
	return target
}
