package providers_test

import (
	"slices"
	"testing"

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
	"github.com/markbates/goth/providers/yandex"
	"github.com/markbates/goth/providers/zoom"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/corrected"
	"github.com/ginauth/ginauth/providers"
)

// std makes a provider with goth's usual constructor.
func std[P goth.Provider](new func(id, secret, callback string, scopes ...string) P, scopes ...string) func() goth.Provider {
	return func() goth.Provider { return new(clientID, clientSecret, "", scopes...) }
}

// gothMade are goth's own providers of plain OAuth 2.0 services, as an application
// gives them to ginauth.Goth.
var gothMade = map[string]func() goth.Provider{
	"amazon":    std(amazon.New, "profile"),
	"battlenet": std(battlenet.New),
	"bitbucket": std(bitbucket.New, "account", "email"),
	"bitly":     std(bitly.New),
	"box":       std(box.New),
	"classlink": std(classlink.New, "profile"),
	"cloudfoundry": func() goth.Provider {
		return cloudfoundry.New("https://uaa.example.com", clientID, clientSecret, "", "openid")
	},
	"dailymotion":  std(dailymotion.New, "email"),
	"deezer":       std(deezer.New, "email"),
	"digitalocean": std(digitalocean.New),
	"discord":      std(discord.New, discord.ScopeIdentify, discord.ScopeEmail),
	"dropbox":      std(dropbox.New),
	"eveonline":    std(eveonline.New),
	"facebook":     std(facebook.New, "email"),
	"gitea": func() goth.Provider {
		const server = "https://git.example.com"
		return gitea.NewCustomisedURL(clientID, clientSecret, "", server+"/login/oauth/authorize", server+"/login/oauth/access_token", server+"/api/v1/user")
	},
	"github":   std(github.New, "read:user", "user:email"),
	"heroku":   std(heroku.New, "identity"),
	"hubspot":  std(hubspot.New, "oauth"),
	"intercom": std(intercom.New),
	"kakao":    std(kakao.New),
	"line":     std(line.New, "openid", "profile", "email"),
	"mastodon": func() goth.Provider {
		return mastodon.NewCustomisedURL(clientID, clientSecret, "", "https://mastodon.example", "read:accounts")
	},
	"naver": func() goth.Provider { return naver.New(clientID, clientSecret, "") },
	"nextcloud": func() goth.Provider {
		return nextcloud.NewCustomisedDNS(clientID, clientSecret, "", "https://cloud.example.com")
	},
	"oura":       std(oura.New, "personal", "email"),
	"patreon":    std(patreon.New, patreon.ScopeIdentity, patreon.ScopeIdentityEmail),
	"paypal":     std(paypal.New, "openid", "profile", "email"),
	"salesforce": std(salesforce.New, "openid", "profile", "email"),
	"soundcloud": std(soundcloud.New),
	"spotify":    std(spotify.New, spotify.ScopeUserReadEmail, spotify.ScopeUserReadPrivate),
	"strava":     std(strava.New, "read"),
	"stripe":     std(stripe.New),
	"twitch":     std(twitch.New, twitch.ScopeUserReadEmail),
	"uber":       std(uber.New, "profile"),
	"vk":         std(vk.New, "email"),
	"yahoo":      std(yahoo.New, "openid", "profile", "email"),
	"yandex":     std(yandex.New, "login:email", "login:info", "login:avatar"),
	"zoom":       std(zoom.New),
}

// People sign in with goth's own constructors at the same services, in the same
// way: at those that goth gets right, through a bound copy of its provider, and at
// the others through the one that takes its place.
func TestConformance_Goth(t *testing.T) {
	t.Parallel()
	for id, made := range gothMade {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			fix := fixtures[id]
			i := slices.IndexFunc(providers.All(), func(s providers.Service) bool { return s.ID == id })
			s := providers.All()[i]
			make := func() ginauth.Provider { return ginauth.OAuth{Provider: made(), ID: id} }
			f := newFake(t, fix)
			a := newApp(t, f, make())
			t.Run("sign-in", func(t *testing.T) { conformSignIn(t, s, f, a) })
			t.Run("refusals", func(t *testing.T) { conformRefusals(t, s, f, a) })
			t.Run("faults", func(t *testing.T) { conformFaults(t, s, f, a, make) })
		})
	}
	for _, id := range corrected.IDs() {
		if gothMade[id] == nil {
			t.Errorf("%s is corrected and not tried", id)
		}
	}
}
