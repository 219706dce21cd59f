package providers

import (
	"regexp"
	"strings"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/amazon"
	"github.com/markbates/goth/providers/battlenet"
	"github.com/markbates/goth/providers/bitbucket"
	"github.com/markbates/goth/providers/bitly"
	"github.com/markbates/goth/providers/box"
	"github.com/markbates/goth/providers/classlink"
	"github.com/markbates/goth/providers/cloudfoundry"
	"github.com/markbates/goth/providers/dailymotion"
	"github.com/markbates/goth/providers/deezer"
	"github.com/markbates/goth/providers/digitalocean"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/dropbox"
	"github.com/markbates/goth/providers/eveonline"
	"github.com/markbates/goth/providers/facebook"
	"github.com/markbates/goth/providers/fitbit"
	"github.com/markbates/goth/providers/gitea"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/heroku"
	"github.com/markbates/goth/providers/hubspot"
	"github.com/markbates/goth/providers/intercom"
	"github.com/markbates/goth/providers/kakao"
	"github.com/markbates/goth/providers/line"
	"github.com/markbates/goth/providers/mastodon"
	"github.com/markbates/goth/providers/naver"
	"github.com/markbates/goth/providers/nextcloud"
	"github.com/markbates/goth/providers/oura"
	"github.com/markbates/goth/providers/patreon"
	"github.com/markbates/goth/providers/paypal"
	"github.com/markbates/goth/providers/salesforce"
	"github.com/markbates/goth/providers/soundcloud"
	"github.com/markbates/goth/providers/spotify"
	"github.com/markbates/goth/providers/strava"
	"github.com/markbates/goth/providers/stripe"
	"github.com/markbates/goth/providers/twitch"
	"github.com/markbates/goth/providers/uber"
	"github.com/markbates/goth/providers/vk"
	"github.com/markbates/goth/providers/yahoo"
	"github.com/markbates/goth/providers/yammer"
	"github.com/markbates/goth/providers/yandex"
	"github.com/markbates/goth/providers/zoom"

	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/mailru"
	"github.com/ginauth/ginauth/providers/reddit"
	"github.com/ginauth/ginauth/providers/tumblr"
	"github.com/ginauth/ginauth/providers/x"
)

// A maker makes the provider of one service.
type maker struct {
	scopes     []string // asked for by default; without them the provider's own, or none
	fixed      bool     // no scopes can be asked for
	secretless bool     // the client has no secret but its settings
	settings   []Setting
	make       func(id, secret string, values map[string]string, scopes []string) goth.Provider
}

// makers are those of all services that are not left out, by id.
var makers = map[string]maker{
	"amazon":       std(amazon.New, "profile"), // goth would ask for the postal code too
	"apple":        appleID,
	"auth0":        placed(setting("domain", "the tenant's domain", "example.eu.auth0.com", "issuer"), oidc.Auth0),
	"authentik":    placed(setting("issuer", "the OpenID Configuration Issuer of the application", "https://auth.example.com/application/o/shop/"), oidc.Authentik),
	"azureadv2":    entra,
	"battlenet":    std(battlenet.New),
	"bitbucket":    std(bitbucket.New, "account", "email"),
	"bitly":        std(bitly.New),
	"box":          std(box.New),
	"classlink":    std(classlink.New, "profile"),
	"cloudfoundry": placed(setting("url", "the address of the UAA server", "https://uaa.example.com"), cloudFoundry, "openid"),
	"cognito": placed(setting("pool", "the user pool's ID", "eu-west-1_AbCdEfGhI", "issuer"), func(pool, id, secret string, scopes ...string) *oidc.Provider {
		return oidc.Cognito(pool[strings.LastIndexByte(pool, '/')+1:], id, secret, scopes...)
	}),
	"dailymotion":     std(dailymotion.New, "email"),
	"deezer":          std(deezer.New, "email"),
	"digitalocean":    std(digitalocean.New),
	"discord":         std(discord.New, discord.ScopeIdentify, discord.ScopeEmail),
	"dropbox":         fixed(dropbox.New),
	"eveonline":       std(eveonline.New),
	"facebook":        std(facebook.New, "email"),
	"fitbit":          std(fitbit.New, fitbit.ScopeProfile),
	"gitea":           placed(optional(setting("url", "the server's address; default https://gitea.com", "https://git.example.com")), giteaAt),
	"github":          std(github.New, "read:user", "user:email"),
	"gitlab":          placed(optional(setting("url", "the server's address; default https://gitlab.com", "https://gitlab.example.com", "issuer")), oidc.GitLab),
	"google":          own(oidc.Google),
	"heroku":          std(heroku.New, "identity"),
	"hubspot":         std(hubspot.New, "oauth"),
	"intercom":        std(intercom.New),
	"kakao":           std(kakao.New),
	"keycloak":        placed(setting("issuer", "the realm's address", "https://login.example.com/realms/staff"), oidc.Keycloak),
	"line":            std(line.New, "profile"),
	"linkedin":        own(oidc.LinkedIn),
	"mailru":          own(mailru.New),
	"mastodon":        placed(setting("url", "the instance's address", "https://mastodon.example", "issuer"), mastodonAt, "read:accounts"),
	"microsoftonline": entra,
	"naver": fixed(func(id, secret, callback string, _ ...string) *naver.Provider {
		return naver.New(id, secret, callback)
	}),
	"nextcloud":      placed(setting("url", "the server's address", "https://cloud.example.com"), nextcloudAt),
	"okta":           placed(setting("issuer", "the authorization server's issuer", "https://example.okta.com/oauth2/default"), oidc.Okta),
	"openid-connect": placed(setting("issuer", "the provider's issuer", "https://login.example.com"), openIDConnect),
	"oura":           std(oura.New, "personal", "email"),
	"patreon":        std(patreon.New, patreon.ScopeIdentity, patreon.ScopeIdentityEmail),
	"paypal":         std(paypal.New, "openid", "profile", "email"),
	"reddit":         own(reddit.New),
	"salesforce":     std(salesforce.New),
	"slack":          own(oidc.Slack),
	"soundcloud":     std(soundcloud.New),
	"spotify":        std(spotify.New, spotify.ScopeUserReadEmail, spotify.ScopeUserReadPrivate),
	"strava":         std(strava.New, "read"),
	"stripe":         std(stripe.New),
	"tumblr":         own(tumblr.New),
	"twitch":         std(twitch.New, twitch.ScopeUserReadEmail),
	"twitter":        own(x.New),
	"uber":           std(uber.New, "profile"),
	"vk":             std(vk.New, "email"),
	"xero":           own(oidc.Xero),
	"yahoo":          std(yahoo.New, "openid", "profile", "email"),
	"yammer":         std(yammer.New),
	"yandex":         std(yandex.New, "login:email", "login:info", "login:avatar"),
	"zitadel":        placed(setting("issuer", "the instance's address", "https://example.zitadel.cloud"), oidc.Zitadel),
	"zoom":           std(zoom.New),
}

// appleID has, in place of a secret, the key that secrets are signed with.
var appleID = maker{
	secretless: true,
	settings: []Setting{
		setting("key_id", "the ten characters that name the key for Sign in with Apple", "ABC123DEFG"),
		setting("private_key", "the text of its .p8 file; \\n may stand for the line breaks", beginKey, "key"),
		setting("team_id", "the ten characters of the developer account's team", "DEF123GHIJ"),
	},
	make: func(id, _ string, values map[string]string, scopes []string) goth.Provider {
		return oidc.Apple(oidc.AppleConfig{
			ClientID: id, TeamID: values["team_id"], KeyID: values["key_id"], Scopes: scopes,
			PrivateKey: strings.ReplaceAll(values["private_key"], `\n`, "\n"),
		})
	},
}

// beginKey begins every value that is a private key (RFC 7468 §10).
const beginKey = "-----BEGIN PRIVATE KEY-----"

// entraIssuer is the issuer of a tenant, with its ID. What only looks like one is
// left to oidc.Entra to refuse: with the ID missing it must not become common, which
// lets everybody in.
var entraIssuer = regexp.MustCompile(`^https://login\.microsoftonline\.com/([^/]+)/v2\.0/?$`)

// entra makes both services that are Microsoft's: one is goth's name for Entra ID,
// the other for what was before it.
var entra = placed(
	optional(setting("tenant", "the directory (tenant) ID; default common, anybody with an account at Microsoft", "9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c", "tenant_id", "issuer")),
	func(tenant, id, secret string, scopes ...string) *oidc.Provider {
		if tenant == "" {
			tenant = "common"
		} else if issuer := entraIssuer.FindStringSubmatch(tenant); issuer != nil {
			tenant = issuer[1]
		}
		return oidc.Entra(tenant, id, secret, scopes...)
	})

// std is a maker of goth's usual constructor. The callback URL is left to ginauth.
func std[P goth.Provider](new func(id, secret, callback string, scopes ...string) P, scopes ...string) maker {
	return maker{scopes: scopes, make: func(id, secret string, _ map[string]string, scopes []string) goth.Provider {
		return new(id, secret, "", scopes...)
	}}
}

// fixed is std for a provider that asks for no scopes.
func fixed[P goth.Provider](new func(id, secret, callback string, scopes ...string) P) maker {
	m := std(new)
	m.fixed = true
	return m
}

// own is a maker of a provider that is ginauth's own and in one place alone.
func own[P goth.Provider](new func(id, secret string, scopes ...string) P) maker {
	return maker{make: func(id, secret string, _ map[string]string, scopes []string) goth.Provider {
		return new(id, secret, scopes...)
	}}
}

// placed is a maker of a provider of which there are many, told apart by s.
func placed[P goth.Provider](s Setting, new func(place, id, secret string, scopes ...string) P, scopes ...string) maker {
	return maker{scopes: scopes, settings: []Setting{s}, make: func(id, secret string, values map[string]string, scopes []string) goth.Provider {
		return new(values[s.Name], id, secret, scopes...)
	}}
}

func setting(name, meaning, example string, also ...string) Setting {
	return Setting{Name: name, Also: also, Meaning: meaning, Example: example}
}

func optional(s Setting) Setting {
	s.Optional = true
	return s
}

func cloudFoundry(address, id, secret string, scopes ...string) *cloudfoundry.Provider {
	return cloudfoundry.New(address, id, secret, "", scopes...)
}

func giteaAt(address, id, secret string, scopes ...string) *gitea.Provider {
	if address == "" {
		return gitea.New(id, secret, "", scopes...)
	}
	address = strings.TrimRight(address, "/")
	return gitea.NewCustomisedURL(id, secret, "",
		address+"/login/oauth/authorize", address+"/login/oauth/access_token", address+"/api/v1/user", scopes...)
}

func mastodonAt(address, id, secret string, scopes ...string) *mastodon.Provider {
	return mastodon.NewCustomisedURL(id, secret, "", address, scopes...)
}

func nextcloudAt(address, id, secret string, scopes ...string) *nextcloud.Provider {
	return nextcloud.NewCustomisedDNS(id, secret, "", strings.TrimRight(address, "/"), scopes...)
}

func openIDConnect(issuer, id, secret string, scopes ...string) *oidc.Provider {
	return oidc.New(oidc.Config{
		Name: "openid-connect", DisplayName: "OpenID Connect", Issuer: issuer,
		ClientID: id, ClientSecret: secret, Scopes: scopes,
	})
}
