package providers

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/corrected"
	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/mailru"
	"github.com/ginauth/ginauth/providers/reddit"
	"github.com/ginauth/ginauth/providers/steam"
	"github.com/ginauth/ginauth/providers/tumblr"
	"github.com/ginauth/ginauth/providers/x"
)

const (
	inForm   = oauth2.AuthStyleInParams
	inHeader = oauth2.AuthStyleInHeader
)

// gothRows are the services that goth knows too, and the OpenID providers that
// have a preset of their own.
func gothRows() []row {
	all := make([]row, 0, len(service.All()))
	for _, known := range service.All() {
		r := gothFacts[known.ID]
		r.Service = known
		if facts, ok := corrected.Config(known.ID); ok && r.own == nil {
			r.oauth = facts
		}
		if r.makes() {
			r.LeftOut = ""
			if r.oauth.AuthURL != "" || r.Engine == service.None {
				r.Engine = service.Own
			}
		}
		all = append(all, r)
	}
	return all
}

// gothFacts are what is known of them beside internal/service, by id.
var gothFacts = map[string]row{
	"amazon": {oauth: oauth.Config{
		AuthURL: "https://www.amazon.com/ap/oa", TokenURL: "https://api.amazon.com/auth/o2/token", UserInfoURL: "https://api.amazon.com/user/profile",
		AuthStyle: inForm, Scopes: []string{"profile"}, // goth's default asks for the postal code too
		TokenInQuery: "access_token", Fields: oauth.Fields{ID: "user_id", Name: "name", Email: "email"},
	}},
	"apple":     appleID,
	"auth0":     preset(setting("domain", "the tenant's domain", "example.eu.auth0.com", "issuer"), oidc.Auth0),
	"authentik": preset(setting("issuer", "the OpenID Configuration Issuer of the application", "https://auth.example.com/application/o/shop/"), oidc.Authentik),
	"azureadv2": withNote(noAddress, entra("")),
	"battlenet": {
		settings: []Setting{optional(setting("region", "cn for the service in China; default all others", "cn", "issuer"))},
		adapt: func(c *oauth.Config, values map[string]string) {
			if region := values["region"]; region == "cn" || strings.Contains(region, "battlenet.com.cn") {
				for _, at := range []*string{&c.AuthURL, &c.TokenURL, &c.UserInfoURL} {
					*at = strings.Replace(*at, "https://oauth.battle.net/", "https://oauth.battlenet.com.cn/", 1)
				}
			}
		},
	},
	"bitbucket": {note: "Bitbucket calls the client ID a key."},
	"bitly": {oauth: oauth.Config{
		AuthURL: "https://bitly.com/oauth/authorize", TokenURL: "https://api-ssl.bitly.com/oauth/access_token", UserInfoURL: "https://api-ssl.bitly.com/v4/user",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "login", Name: "name", NickName: "login"},
		Emails: oauth.Emails{List: "emails", Email: "email", Primary: "is_primary&is_verified", Verified: "is_verified"},
	}},
	"classlink": {oauth: oauth.Config{
		AuthURL: "https://launchpad.classlink.com/oauth2/v2/auth", TokenURL: "https://launchpad.classlink.com/oauth2/v2/token", UserInfoURL: "https://nodeapi.classlink.com/v2/my/info",
		AuthStyle: inForm, Scopes: []string{"profile"}, Fields: oauth.Fields{ID: "UserId", Name: "DisplayName|FirstName+LastName", Email: "Email"},
	}},
	"cloudfoundry": {
		settings: []Setting{setting("url", "the address of the UAA server", "https://uaa.example.com")},
		oauth: oauth.Config{
			AuthURL: "{url}/oauth/authorize", TokenURL: "{url}/oauth/token", UserInfoURL: "{url}/userinfo",
			AuthStyle: inHeader, Scopes: []string{"openid"}, Fields: oauth.Fields{ID: "user_id", Name: "name", NickName: "user_name", Email: "email", EmailVerified: "email_verified"},
		},
	},
	"cognito": preset(setting("pool", "the user pool's ID", "eu-west-1_AbCdEfGhI", "issuer"), func(pool, id, secret string, scopes ...string) *oidc.Provider {
		return oidc.Cognito(pool[strings.LastIndexByte(pool, '/')+1:], id, secret, scopes...)
	}),
	"digitalocean": {oauth: oauth.Config{
		AuthURL: "https://cloud.digitalocean.com/v1/oauth/authorize", TokenURL: "https://cloud.digitalocean.com/v1/oauth/token", UserInfoURL: "https://api.digitalocean.com/v2/account",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "account.uuid", Email: "account.email", EmailVerified: "account.email_verified"},
	}},
	"dropbox": {
		oauth: oauth.Config{
			AuthURL: "https://www.dropbox.com/oauth2/authorize", TokenURL: "https://api.dropbox.com/oauth2/token", UserInfoURL: "https://api.dropbox.com/2/users/get_current_account",
			AuthStyle: inForm, UserInfoBody: "null",
			Fields: oauth.Fields{ID: "account_id", Name: "name.display_name|name.given_name+name.surname", Email: "email", EmailVerified: "email_verified", Image: "profile_photo_url"},
		},
	},
	"facebook": {
		note: "A person who signed up by phone has no address, and one may leave theirs out.",
		oauth: oauth.Config{
			AuthURL: "https://www.facebook.com/dialog/oauth", TokenURL: "https://graph.facebook.com/oauth/access_token", UserInfoURL: "https://graph.facebook.com/me?fields=id,name,email,picture",
			AuthStyle: inForm, TokenInQuery: "access_token", Scopes: []string{"email"}, Fields: oauth.Fields{ID: "id", Name: "name", Email: "email", Image: "picture.data.url"},
		},
	},
	"gitea": {
		settings: []Setting{optional(setting("url", "the server's address; default https://gitea.com", "https://git.example.com"))},
		oauth: oauth.Config{
			AuthURL: "https://gitea.com/login/oauth/authorize", TokenURL: "https://gitea.com/login/oauth/access_token", UserInfoURL: "https://gitea.com/api/v1/user",
			AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "full_name|login", NickName: "login", Email: "email", Image: "avatar_url"},
		},
		adapt: moved("https://gitea.com"),
	},
	"github": {
		note:     "A GitHub App whose permissions leave the addresses out signs people in without one.",
		settings: []Setting{optional(setting("url", "the address of a GitHub Enterprise Server; default https://github.com", "https://github.example.com"))},
		oauth: oauth.Config{
			AuthURL: "https://github.com/login/oauth/authorize", TokenURL: "https://github.com/login/oauth/access_token", UserInfoURL: "https://api.github.com/user",
			AuthStyle: inForm, Scopes: []string{"read:user", "user:email"},
			Fields: oauth.Fields{ID: "id", Name: "name|login", NickName: "login", Email: "email", Image: "avatar_url"},
			Emails: oauth.Emails{URL: "https://api.github.com/user/emails", Email: "email", Primary: "primary", Verified: "verified"},
		},
		adapt: func(c *oauth.Config, values map[string]string) {
			if server := strings.TrimRight(values["url"], "/"); server != "" && server != "https://github.com" {
				moved("https://github.com")(c, values)
				c.UserInfoURL, c.Emails.URL = server+"/api/v3/user", server+"/api/v3/user/emails"
			}
		},
	},
	"gitlab": withNote("An application that is registered for read_user alone refuses openid: give it openid, profile and email.",
		preset(optional(setting("url", "the server's address; default https://gitlab.com", "https://gitlab.example.com", "issuer")), oidc.GitLab)),
	"google": withNote("Google gives a refresh token with access_type=offline, and at a person's first sign-in alone.", direct(oidc.Google)),
	"heroku": {oauth: oauth.Config{
		AuthURL: "https://id.heroku.com/oauth/authorize", TokenURL: "https://id.heroku.com/oauth/token", UserInfoURL: "https://api.heroku.com/account",
		AuthStyle: inForm, Scopes: []string{"identity"}, Fields: oauth.Fields{ID: "id", Name: "name", Email: "email"},
	}},
	"hubspot": {note: "HubSpot gives no name and no picture."},
	"instagram": {
		note: "Instagram signs in professional accounts alone, and gives no address.",
		oauth: oauth.Config{
			AuthURL: "https://www.instagram.com/oauth/authorize", TokenURL: "https://api.instagram.com/oauth/access_token",
			UserInfoURL: "https://graph.instagram.com/me?fields=id,username,account_type,user_id,name,profile_picture_url",
			AuthStyle:   inForm, Scopes: []string{"instagram_business_basic"}, Fields: oauth.Fields{ID: "user_id", Name: "name|username", NickName: "username", Image: "profile_picture_url"},
		},
	},
	"intercom": {note: "Intercom takes https callback URLs alone, and signs in its customers' staff.", oauth: oauth.Config{
		AuthURL: "https://app.intercom.io/oauth", TokenURL: "https://api.intercom.io/auth/eagle/token", UserInfoURL: "https://api.intercom.io/me",
		AuthStyle: inForm, TokenScheme: "Basic", Fields: oauth.Fields{ID: "id", Name: "name", Email: "email", EmailVerified: "email_verified", Image: "avatar.image_url"},
	}},
	"keycloak": preset(setting("issuer", "the realm's issuer", "https://login.example.com/realms/staff"), oidc.Keycloak),
	"lark":     {oauth: larkAt("https://accounts.larksuite.com", "https://open.larksuite.com")},
	"line": {
		note: "LINE gives out addresses to channels that were granted the permission alone.",
		oauth: oauth.Config{
			AuthURL: "https://access.line.me/oauth2/v2.1/authorize", TokenURL: "https://api.line.me/oauth2/v2.1/token", UserInfoURL: "https://api.line.me/v2/profile",
			AuthStyle: inForm, Scopes: []string{"openid", "profile", "email"}, Fields: oauth.Fields{ID: "userId", Name: "displayName", Email: "email", Image: "pictureUrl"},
		},
	},
	"linkedin": direct(oidc.LinkedIn),
	"mailru":   direct(mailru.New),
	"mastodon": {
		settings: []Setting{setting("url", "the instance's address", "https://mastodon.example", "issuer")},
		oauth: oauth.Config{
			AuthURL: "{url}/oauth/authorize", TokenURL: "{url}/oauth/token", UserInfoURL: "{url}/api/v1/accounts/verify_credentials",
			AuthStyle: inForm, Scopes: []string{"read:accounts"}, Fields: oauth.Fields{ID: "id", Name: "display_name|username", NickName: "username", Image: "avatar"},
		},
	},
	"microsoftonline": withNote(noAddress, entra("")),
	"naver": {fixed: true, oauth: oauth.Config{
		AuthURL: "https://nid.naver.com/oauth2.0/authorize", TokenURL: "https://nid.naver.com/oauth2.0/token", UserInfoURL: "https://openapi.naver.com/v1/nid/me",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "response.id", Name: "response.name|response.nickname", NickName: "response.nickname", Email: "response.email", Image: "response.profile_image"},
	}},
	"nextcloud": {
		fixed:    true,
		settings: []Setting{setting("url", "the server's address", "https://cloud.example.com", "issuer")},
		oauth: oauth.Config{
			AuthURL: "{url}/apps/oauth2/authorize", TokenURL: "{url}/apps/oauth2/api/v1/token", UserInfoURL: "{url}/ocs/v2.php/cloud/user?format=json",
			AuthStyle: inForm, UserInfoHeader: map[string]string{"OCS-APIRequest": "true"},
			Fields: oauth.Fields{ID: "ocs.data.id", Name: "ocs.data.display-name|ocs.data.displayname", Email: "ocs.data.email"},
		},
	},
	"okta":           preset(setting("issuer", "the authorization server's issuer", "https://example.okta.com/oauth2/default"), oidc.Okta),
	"openid-connect": preset(setting("issuer", "the provider's issuer", "https://login.example.com"), openIDConnect),
	"paypal": {
		settings: []Setting{optional(setting("environment", "sandbox for test accounts; default live", "sandbox"))},
		adapt: func(c *oauth.Config, values map[string]string) {
			if values["environment"] == "sandbox" {
				c.AuthURL = strings.Replace(c.AuthURL, "://www.paypal", "://www.sandbox.paypal", 1)
				c.TokenURL = strings.Replace(c.TokenURL, "://api-m.paypal", "://api-m.sandbox.paypal", 1)
				c.UserInfoURL = strings.Replace(c.UserInfoURL, "://api-m.paypal", "://api-m.sandbox.paypal", 1)
			}
		},
	},
	"reddit": direct(reddit.New),
	"salesforce": {
		settings: []Setting{optional(setting("url", "the organization's own login address; default https://login.salesforce.com", "https://example.my.salesforce.com", "issuer"))},
		adapt:    moved("https://login.salesforce.com"),
	},
	"slack": direct(oidc.Slack),
	"spotify": {oauth: oauth.Config{
		AuthURL: "https://accounts.spotify.com/authorize", TokenURL: "https://accounts.spotify.com/api/token", UserInfoURL: "https://api.spotify.com/v1/me",
		AuthStyle: inHeader, Scopes: []string{"user-read-email", "user-read-private"}, Fields: oauth.Fields{ID: "id", Name: "display_name", Email: "email", Image: "images.0.url"},
	}},
	"steam": {
		note: "Steam has a Web API key in place of a client.", keyAlone: true,
		own: func(s Settings) goth.Provider { return steam.New(s.ClientSecret) },
	},
	"strava": {oauth: oauth.Config{
		AuthURL: "https://www.strava.com/oauth/authorize", TokenURL: "https://www.strava.com/oauth/token", UserInfoURL: "https://www.strava.com/api/v3/athlete",
		AuthStyle: inForm, Scopes: []string{"read"}, ScopeSeparator: ",", Fields: oauth.Fields{ID: "id", Name: "firstname+lastname", NickName: "username", Image: "profile"},
	}},
	"stripe": {note: "The client secret is a secret key of the account's API."},
	"tiktok": {
		note: "The scope user.info.basic has no address; others need TikTok's review.",
		oauth: oauth.Config{
			AuthURL: "https://www.tiktok.com/v2/auth/authorize/", TokenURL: "https://open.tiktokapis.com/v2/oauth/token/",
			UserInfoURL: "https://open.tiktokapis.com/v2/user/info/?fields=open_id,union_id,display_name,avatar_url",
			AuthStyle:   inForm, ParamNames: map[string]string{"client_id": "client_key"}, Scopes: []string{"user.info.basic"}, ScopeSeparator: ",",
			Fields: oauth.Fields{ID: "data.user.open_id", Name: "data.user.display_name", Image: "data.user.avatar_url"},
		},
	},
	"tumblr":  direct(tumblr.New),
	"twitter": withNote("X gives the address to applications with the permission to request it from users.", direct(x.New)),
	"wechat": {
		note: "WeChat knows no code challenge: state alone binds a sign-in to its browser. Its token request has the secret in the URL.",
		oauth: oauth.Config{
			AuthURL: "https://open.weixin.qq.com/connect/qrconnect", AuthFragment: "wechat_redirect",
			TokenURL: "https://api.weixin.qq.com/sns/oauth2/access_token", RefreshURL: "https://api.weixin.qq.com/sns/oauth2/refresh_token", TokenMethod: http.MethodGet,
			UserInfoURL: "https://api.weixin.qq.com/sns/userinfo?openid={openid}&lang=en", TokenInQuery: "access_token",
			AuthStyle: inForm, ParamNames: map[string]string{"client_id": "appid", "client_secret": "secret"}, DisablePKCE: true, Scopes: []string{"snsapi_login"}, ScopeSeparator: ",",
			Fields: oauth.Fields{ID: "unionid|openid", Name: "nickname", Image: "headimgurl"},
		},
	},
	"xero":    direct(oidc.Xero),
	"zitadel": preset(setting("issuer", "the instance's address", "https://example.zitadel.cloud"), oidc.Zitadel),
}

// larkAt is the one service under the two names that it has.
func larkAt(accounts, open string) oauth.Config {
	return oauth.Config{
		AuthURL: accounts + "/open-apis/authen/v1/authorize", TokenURL: open + "/open-apis/authen/v2/oauth/token", UserInfoURL: open + "/open-apis/authen/v1/user_info",
		AuthStyle: inForm, TokenJSON: true, Fields: oauth.Fields{ID: "data.union_id", Name: "data.name", Email: "data.email|data.enterprise_email", Image: "data.avatar_url"},
	}
}

// moved leads to a server of the application's own in place of a public one.
func moved(from string) func(c *oauth.Config, values map[string]string) {
	return func(c *oauth.Config, values map[string]string) {
		server := strings.TrimRight(values["url"], "/")
		if server == "" {
			return
		}
		for _, at := range []*string{&c.AuthURL, &c.TokenURL, &c.UserInfoURL, &c.Emails.URL} {
			if rest, ok := strings.CutPrefix(*at, from); ok {
				*at = server + rest
			}
		}
	}
}

// noAddress is for the services whose notes say nothing else.
const noAddress = "Entra leaves the address of a person whom an organization manages out of the token, unless the application asks for the claim; nobody has verified it."

func withNote(note string, r row) row {
	r.note = note
	return r
}

// appleID has, in place of a secret, the key that secrets are signed with.
var appleID = row{
	note:       "Apple tells the name at the first sign-in alone, and wants https.",
	secretless: true,
	settings: []Setting{
		setting("key_id", "the ten characters that name the key for Sign in with Apple", "ABC123DEFG"),
		setting("private_key", "the text of its .p8 file; \\n may stand for the line breaks", beginKey, "key"),
		setting("team_id", "the ten characters of the developer account's team", "DEF123GHIJ"),
	},
	own: func(s Settings) goth.Provider {
		return ended(oidc.Apple(oidc.AppleConfig{
			ClientID: s.ClientID, TeamID: s.Values["team_id"], KeyID: s.Values["key_id"], Scopes: s.Scopes,
			PrivateKey: strings.ReplaceAll(s.Values["private_key"], `\n`, "\n"),
		}), s)
	},
}

// beginKey begins every value that is a private key (RFC 7468 §10).
const beginKey = "-----BEGIN PRIVATE KEY-----"

// entraIssuer is the issuer of a tenant, with its ID. What only looks like one is
// left to oidc.Entra to refuse: with the ID missing it must not become common, which
// lets everybody in.
var entraIssuer = regexp.MustCompile(`^https://([a-z0-9.-]+)/([^/]+)/v2\.0/?$`)

// entra makes the services that are Microsoft's: under goth's two names, and under
// NextAuth's and Auth.js's, whose subject was the claim sub.
func entra(name string) row {
	return row{
		settings: []Setting{
			optional(setting("tenant", "the directory (tenant) ID; default common, anybody with an account at Microsoft", "9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c", "tenant_id", "issuer")),
			optional(setting("host", "the cloud's; default login.microsoftonline.com", oidc.EntraUSGov, "cloud")),
		},
		own: func(s Settings) goth.Provider {
			c := oidc.EntraConfig{Tenant: s.Values["tenant"], Host: s.Values["host"], ClientID: s.ClientID, ClientSecret: s.ClientSecret, Scopes: s.Scopes, SubjectSub: s.Values["subject"] == "sub"}
			if c.Tenant == "" {
				c.Tenant = "common"
			} else if issuer := entraIssuer.FindStringSubmatch(c.Tenant); issuer != nil {
				c.Tenant = issuer[2]
				if c.Host == "" {
					c.Host = issuer[1]
				}
			}
			p := oidc.NewEntra(c)
			if name != "" {
				p.SetName(name)
			}
			return withEndpoints(p, s)
		},
	}
}

// direct is a row of a provider that is in one place alone.
func direct[P goth.Provider](new func(id, secret string, scopes ...string) P) row {
	return row{own: func(s Settings) goth.Provider {
		return ended(new(s.ClientID, s.ClientSecret, s.Scopes...), s)
	}}
}

// preset is a row of an OpenID provider of which there are many, told apart by s.
func preset(place Setting, new func(place, id, secret string, scopes ...string) *oidc.Provider) row {
	return row{settings: []Setting{place}, own: func(s Settings) goth.Provider {
		return withEndpoints(new(s.Values[place.Name], s.ClientID, s.ClientSecret, s.Scopes...), s)
	}}
}

// ended puts the settings' endpoints into a provider that is made elsewhere.
func ended(p goth.Provider, s Settings) goth.Provider {
	switch p := p.(type) {
	case *oidc.Provider:
		return withEndpoints(p, s)
	case interface {
		With(change func(*oauth.Config)) *oauth.Provider
	}:
		if s.AuthURL == "" && s.TokenURL == "" && s.UserInfoURL == "" {
			break
		}
		return p.With(s.replace)
	}
	return p
}

func setting(name, meaning, example string, also ...string) Setting {
	return Setting{Name: name, Also: also, Meaning: meaning, Example: example}
}

func optional(s Setting) Setting {
	s.Optional = true
	return s
}

func openIDConnect(issuer, id, secret string, scopes ...string) *oidc.Provider {
	return oidc.New(oidc.Config{
		Name: "openid-connect", DisplayName: "OpenID Connect", Issuer: issuer,
		ClientID: id, ClientSecret: secret, Scopes: scopes,
	})
}
