package oidc

import (
	"slices"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
)

// mergeClaims adds to the id_token's claims what userinfo alone knows. The
// id_token wins: it is signed and bound to this sign-in. Neither map is changed.
//
// A verified flag speaks of the value beside it. Taken from one source with the
// value of the other, it would vouch for an address nobody has checked, and an
// account could be linked by it. So the two are taken from the same source.
func mergeClaims(idToken, userinfo map[string]any) map[string]any {
	merged := make(map[string]any, len(idToken)+len(userinfo))
	for name, value := range userinfo {
		if !speaksOfSignIn(name) {
			merged[name] = value
		}
	}
	for name, value := range idToken {
		if _, known := merged[name]; known && isEmpty(value) {
			continue
		}
		merged[name] = value
	}
	pairs := [...]struct{ value, verified string }{
		{"email", "email_verified"},
		{"phone_number", "phone_number_verified"},
	}
	for _, pair := range pairs {
		source := idToken
		if isEmpty(idToken[pair.value]) && !isEmpty(userinfo[pair.value]) {
			source = userinfo
		}
		flag, ok := source[pair.verified]
		if !ok && sameText(source[pair.value], userinfo[pair.value]) {
			flag, ok = userinfo[pair.verified] // either may vouch for it
		}
		delete(merged, pair.verified)
		if ok {
			merged[pair.verified] = truth(flag)
		}
	}
	return merged
}

// speaksOfSignIn tells the claims that describe the authentication from those
// that describe the user. Only the signed token speaks of the former: userinfo
// may repeat attributes that users edit themselves.
func speaksOfSignIn(name string) bool {
	return slices.Contains([]string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "nonce", "at_hash", "c_hash",
		"auth_time", "acr", "amr", "sid",
	}, name)
}

func isEmpty(value any) bool { return value == nil || value == "" }

// sameText compares without panicking on what JSON can hold beside text.
func sameText(a, b any) bool {
	s, ok := a.(string)
	t, same := b.(string)
	return ok && same && s == t && s != ""
}

// truth reads the flag as the boolean it should be; some providers send it as
// text.
func truth(flag any) any {
	switch flag {
	case "true":
		return true
	case "false":
		return false
	}
	return flag
}

// user maps standard claims (OpenID Connect Core §5.1). A claim that is not
// text is not guessed at. It keeps the map.
func (p *Provider) user(claims map[string]any, token *oauth2.Token, rawIDToken string) goth.User {
	text := func(names ...string) string {
		for _, name := range names {
			if s, ok := claims[name].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	shown := p.config.Claims
	name, email, image := text("name"), text("email"), text("picture")
	if shown.Name != "" {
		name = answer.Text(claims, shown.Name)
	}
	if shown.Image != "" {
		image = answer.Text(claims, shown.Image)
	}
	if shown.Email != "" {
		// email_verified speaks of the claim email alone.
		if other := answer.Text(claims, shown.Email); other != email {
			email = other
			delete(claims, "email_verified")
		}
	}
	return goth.User{
		RawData:      claims,
		Provider:     p.Name(),
		UserID:       text("sub"),
		Name:         name,
		Email:        email,
		NickName:     text("preferred_username", "nickname"),
		FirstName:    text("given_name"),
		LastName:     text("family_name"),
		AvatarURL:    image,
		AccessToken:  token.AccessToken,
		RefreshToken: token.RefreshToken,
		ExpiresAt:    token.Expiry,
		IDToken:      rawIDToken,
	}
}
