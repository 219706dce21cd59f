package providers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var fixturesAToL = map[string]fixture{
	"amazon": {
		authorize: "https://www.amazon.com/ap/oa", token: "https://api.amazon.com/auth/o2/token", style: inForm,
		scope: "profile", access: "query:access_token", lacks: "image",
		profiles: at("https://api.amazon.com/user/profile", flat("user_id", "id", "name", "name", "email", "email")),
	},
	"apple":     apple,
	"auth0":     openID("https://example.eu.auth0.com/", "https://example.eu.auth0.com", map[string]string{"domain": "example.eu.auth0.com"}),
	"authentik": openID("https://auth.example.com/application/o/shop/", "https://auth.example.com/application/o", map[string]string{"issuer": "https://auth.example.com/application/o/shop/"}),
	"azureadv2": entra,
	"battlenet": {
		authorize: "https://oauth.battle.net/authorize", token: "https://oauth.battle.net/token", style: inHeader,
		lacks:    "email image",
		profiles: at("https://oauth.battle.net/userinfo", flat("sub", "id", "id", "number", "battletag", "name")),
	},
	"bitbucket": {
		authorize: "https://bitbucket.org/site/oauth2/authorize", token: "https://bitbucket.org/site/oauth2/access_token", style: inForm,
		scope: "account email",
		profiles: map[string]func(p person) any{
			"https://api.bitbucket.org/2.0/user": func(p person) any {
				return obj{"uuid": p.ID, "display_name": p.Name, "links": obj{"avatar": obj{"href": p.Image}}}
			},
			"https://api.bitbucket.org/2.0/user/emails": func(p person) any {
				return obj{"values": []obj{
					{"email": "other@example.com", "is_primary": false, "is_confirmed": true},
					{"email": p.Email, "is_primary": true, "is_confirmed": p.Verified},
				}}
			},
		},
	},
	"bitly": {
		authorize: "https://bitly.com/oauth/authorize", token: "https://api-ssl.bitly.com/oauth/access_token", style: inForm,
		lacks: "image", always: true,
		profiles: at("https://api-ssl.bitly.com/v4/user", func(p person) any {
			return obj{"login": p.ID, "name": p.Name, "emails": []obj{
				{"email": "other@example.com", "is_primary": true, "is_verified": false},
				{"email": p.Email, "is_primary": true, "is_verified": true},
			}}
		}),
	},
	"box": {
		authorize: "https://account.box.com/api/oauth2/authorize", token: "https://api.box.com/oauth2/token", style: inForm,
		profiles: at("https://api.box.com/2.0/users/me", flat("id", "id", "name", "name", "login", "email", "avatar_url", "image")),
	},
	"classlink": {
		authorize: "https://launchpad.classlink.com/oauth2/v2/auth", token: "https://launchpad.classlink.com/oauth2/v2/token", style: inForm,
		scope: "profile", lacks: "image",
		profiles: at("https://nodeapi.classlink.com/v2/my/info", flat("UserId", "number", "DisplayName", "name", "Email", "email")),
	},
	"cloudfoundry": {
		authorize: "https://uaa.example.com/oauth/authorize", token: "https://uaa.example.com/oauth/token", style: inHeader,
		scope: "openid", values: map[string]string{"url": "https://uaa.example.com/"}, lacks: "image",
		profiles: at("https://uaa.example.com/userinfo", flat("user_id", "id", "name", "name", "email", "email", "email_verified", "verified")),
	},
	"cognito": openID("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI", "https://shop.auth.eu-west-1.amazoncognito.com/oauth2",
		map[string]string{"pool": "eu-west-1_AbCdEfGhI"}),
	"dailymotion": {
		authorize: "https://www.dailymotion.com/oauth/authorize", token: "https://api.dailymotion.com/oauth/token", style: inForm,
		scope: "email", asks: "fields",
		profiles: at("https://api.dailymotion.com/me", flat("id", "id", "fullname", "name", "email", "email", "avatar_720_url", "image")),
	},
	"deezer": {
		authorize: "https://connect.deezer.com/oauth/auth.php", token: "https://connect.deezer.com/oauth/access_token.php",
		style: inForm, perms: "basic_access,email", access: "query:access_token",
		answer:   func(_ person, answer map[string]any) { answer["expires"] = 3600 },
		profiles: at("https://api.deezer.com/user/me", flat("id", "number", "firstname", "first", "lastname", "last", "email", "email", "picture", "image")),
	},
	"digitalocean": {
		authorize: "https://cloud.digitalocean.com/v1/oauth/authorize", token: "https://cloud.digitalocean.com/v1/oauth/token", style: inForm,
		lacks: "name image",
		profiles: at("https://api.digitalocean.com/v2/account", func(p person) any {
			return obj{"account": obj{"uuid": p.ID, "email": p.Email, "email_verified": p.Verified}}
		}),
	},
	"discord": {
		authorize: "https://discord.com/api/oauth2/authorize", token: "https://discord.com/api/oauth2/token", style: inForm,
		scope: "identify email",
		image: func(p person) string { return "https://cdn.discordapp.com/avatars/" + p.ID + "/hash.png" },
		profiles: at("https://discord.com/api/users/@me", func(p person) any {
			return obj{"id": p.ID, "username": "user." + p.ID, "global_name": p.Name, "email": p.Email, "verified": p.Verified, "avatar": "hash"}
		}),
	},
	"dropbox": {
		authorize: "https://www.dropbox.com/oauth2/authorize", token: "https://api.dropbox.com/oauth2/token", style: inForm,
		profiles: at("https://api.dropbox.com/2/users/get_current_account", func(p person) any {
			return obj{
				"account_id": p.ID, "name": obj{"given_name": p.first(), "surname": p.last(), "display_name": p.Name},
				"email": p.Email, "email_verified": p.Verified, "profile_photo_url": p.Image,
			}
		}),
	},
	"eveonline": {
		authorize: "https://login.eveonline.com/v2/oauth/authorize", token: "https://login.eveonline.com/v2/oauth/token", style: inHeader,
		scope: "publicData", lacks: "email", noProfile: true, tokenTells: true,
		image: func(p person) string { return "https://images.evetech.net/characters/" + p.ID + "/portrait" },
		signs: func(p person) map[string]any {
			sub := ""
			if p.ID != "" {
				sub = "CHARACTER:EVE:" + p.ID
			}
			return obj{"iss": "https://login.eveonline.com", "aud": []string{clientID, "EVE Online"}, "azp": clientID, "sub": sub, "name": p.Name}
		},
		keySet: "https://login.eveonline.com/.well-known/oauth-authorization-server https://login.eveonline.com/oauth/jwks",
	},
	"facebook": {
		authorize: "https://www.facebook.com/dialog/oauth", token: "https://graph.facebook.com/oauth/access_token", style: inForm,
		scope: "email", access: "query:access_token",
		profiles: at("https://graph.facebook.com/me", func(p person) any {
			return obj{"id": p.ID, "name": p.Name, "email": p.Email, "picture": obj{"data": obj{"url": p.Image}}}
		}),
	},
	"gitea": {
		authorize: "https://git.example.com/login/oauth/authorize", token: "https://git.example.com/login/oauth/access_token", style: inForm,
		values:   map[string]string{"url": "https://git.example.com/"},
		profiles: at("https://git.example.com/api/v1/user", flat("id", "number", "full_name", "name", "login", "first", "email", "email", "avatar_url", "image")),
	},
	"github": {
		authorize: "https://github.com/login/oauth/authorize", token: "https://github.com/login/oauth/access_token", style: inForm,
		scope:  "read:user user:email",
		answer: func(_ person, answer map[string]any) { answer["scope"] = "read:user,user:email" },
		profiles: map[string]func(p person) any{
			"https://api.github.com/user": flat("id", "number", "login", "first", "name", "name", "email", "email", "avatar_url", "image"),
			"https://api.github.com/user/emails": func(p person) any {
				return []obj{{"email": p.Email, "primary": true, "verified": p.Verified}}
			},
		},
	},
	"gitlab": openID("https://gitlab.com", "https://gitlab.com/oauth", nil),
	"google": openID("https://accounts.google.com", "https://accounts.google.com/o/oauth2", nil),
	"heroku": {
		authorize: "https://id.heroku.com/oauth/authorize", token: "https://id.heroku.com/oauth/token", style: inForm,
		scope: "identity", lacks: "image",
		profiles: at("https://api.heroku.com/account", flat("id", "id", "name", "name", "email", "email")),
	},
	"hubspot": {
		authorize: "https://app.hubspot.com/oauth/authorize", token: "https://api.hubapi.com/oauth/2026-03/token", style: inForm,
		scope: "oauth", access: "form:token", lacks: "name image",
		profiles: at("https://api.hubapi.com/oauth/2026-03/token/introspect", func(p person) any {
			return obj{"active": true, "token_use": "access_token", "hub_id": 77, "user_id": p.number(), "user": p.Email}
		}),
	},
	"intercom": {
		authorize: "https://app.intercom.io/oauth", token: "https://api.intercom.io/auth/eagle/token", style: inForm,
		access: "basic",
		profiles: at("https://api.intercom.io/me", func(p person) any {
			return obj{"id": p.ID, "name": p.Name, "email": p.Email, "email_verified": p.Verified, "avatar": obj{"image_url": p.Image}}
		}),
	},
	"kakao": {
		authorize: "https://kauth.kakao.com/oauth/authorize", token: "https://kauth.kakao.com/oauth/token", style: inForm,
		profiles: at("https://kapi.kakao.com/v2/user/me", func(p person) any {
			return obj{"id": p.number(), "properties": obj{"nickname": "old", "profile_image": "http://old.example"}, "kakao_account": obj{
				"profile": obj{"nickname": p.Name, "profile_image_url": p.Image},
				"email":   p.Email, "is_email_valid": true, "is_email_verified": p.Verified,
			}}
		}),
	},
	"keycloak": openID("https://login.example.com/realms/staff", "https://login.example.com/realms/staff/protocol/openid-connect",
		map[string]string{"issuer": "https://login.example.com/realms/staff"}),
	"line": {
		authorize: "https://access.line.me/oauth2/v2.1/authorize", token: "https://api.line.me/oauth2/v2.1/token", style: inForm,
		scope: "openid profile email",
		answer: func(p person, answer map[string]any) {
			answer["id_token"] = hs256(obj{"iss": "https://access.line.me", "sub": p.ID, "aud": clientID, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "email": p.Email})
		},
		profiles: at("https://api.line.me/v2/profile", flat("userId", "id", "displayName", "name", "pictureUrl", "image")),
	},
	// LinkedIn leaves the nonce out and refuses a code verifier.
	"linkedin": openID("https://www.linkedin.com/oauth", "https://www.linkedin.com/oauth/v2", nil).with(func(f *fixture) {
		f.style, f.noPKCE, f.noNonce = inForm, true, true
	}),
}

// directory is a tenant of Microsoft's.
const directory = "9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c"

var entra = openID("https://login.microsoftonline.com/"+directory+"/v2.0", "https://login.microsoftonline.com/"+directory+"/oauth2/v2.0",
	map[string]string{"tenant": directory}).with(func(f *fixture) {
	claims := f.claims
	f.claims = func(p person) map[string]any {
		c := claims(p)
		c["tid"], c["oid"] = directory, p.object()
		return c
	}
	f.noProfile, f.tokenTells = true, true
	f.subject = func(p person) string { return directory + "." + p.object() }
})

// object is the ID of a person in a directory.
func (p person) object() string {
	if p.ID == "" {
		return ""
	}
	return "5c0f7a52-0d1e-4b3c-9a8f-00000000" + p.ID
}

// apple takes a token signed with the application's key for a secret, posts its
// answer, and tells the name there alone.
var apple = openID("https://appleid.apple.com", "https://appleid.apple.com/auth", nil).with(func(f *fixture) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	f.values = map[string]string{"team_id": "DEF123GHIJ", "key_id": "ABC123DEFG", "private_key": strings.ReplaceAll(text, "\n", `\n`)}
	f.secret = func(secret string) bool {
		signed, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			return false
		}
		payload, err := signed.Verify(key.Public())
		return err == nil && strings.Contains(string(payload), `"sub":"`+clientID+`"`)
	}
	f.claims = func(p person) map[string]any {
		return obj{"sub": p.ID, "email": p.Email, "email_verified": p.Verified}
	}
	f.style, f.scope, f.lacks = inForm, "openid name email", "image"
	f.post, f.noProfile, f.tokenTells = true, true, true
})
