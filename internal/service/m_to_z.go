package service

import "golang.org/x/oauth2"

var mToZ = []Service{
	{
		ID: "mailru", Goth: "mailru", Name: "Mail.ru", Kind: OAuth2, Engine: Own, Color: "#005ff9",
		Docs:  "https://o2.mail.ru/app/",
		Unfit: "it has no HTTPClient field to bind a sign-in to; write ginauth.Goth(mailru.New(key, secret)) with the package providers/mailru",
	},
	{
		ID: "mastodon", Goth: "mastodon", Name: "Mastodon", Kind: OAuth2, Engine: Bound, Color: "#6364ff",
		Docs:      "https://docs.joinmastodon.org/client/token/#app",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "meetup", Goth: "meetup", Name: "Meetup", Kind: OAuth2, Color: "#f65858",
		Docs:    "https://www.meetup.com/api/oauth/list/",
		LeftOut: "Meetup has retired the API that goth reads",
	},
	{
		ID: "microsoftonline", Goth: "microsoftonline", Name: "Microsoft", Kind: OIDC, Engine: Preset, Color: "#0078d4",
		Docs:  "https://entra.microsoft.com",
		Stale: "goth takes the sign-in name for an e-mail address and drops the id_token",
	},
	{
		ID: "naver", Goth: "naver", Name: "Naver", Kind: OAuth2, Engine: Bound, Color: "#03c75a",
		Docs:      "https://developers.naver.com/apps/",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "nextcloud", Goth: "nextcloud", Name: "Nextcloud", Kind: OAuth2, Engine: Bound, Color: "#0082c9",
		Docs:      "https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/oauth2.html",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "okta", Goth: "okta", Name: "Okta", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#191919",
		Docs: "https://developer.okta.com/login/",
	},
	{
		ID: "onedrive", Goth: "onedrive", Name: "OneDrive", Kind: OAuth2, Color: "#0078d4",
		Docs:    "https://entra.microsoft.com",
		LeftOut: "Microsoft has retired the Live API; use azureadv2",
	},
	{
		ID: "openid-connect", Goth: "openidConnect", Name: "OpenID Connect", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#f78c40",
		Docs: "https://openid.net/developers/how-connect-works/",
	},
	{
		ID: "oura", Goth: "oura", Name: "Oura", Kind: OAuth2, Engine: Exchange, Color: "#2f4a73",
		Docs:      "https://cloud.ouraring.com/oauth/applications",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "patreon", Goth: "patreon", Name: "Patreon", Kind: OAuth2, Engine: Bound, Color: "#e6461a",
		Docs:      "https://www.patreon.com/portal/registration/register-clients",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "paypal", Goth: "paypal", Name: "PayPal", Kind: OAuth2, Engine: Bound, Color: "#003087",
		Docs:          "https://developer.paypal.com/dashboard/applications",
		AuthStyle:     oauth2.AuthStyleInHeader,
		TokenInHeader: true,
	},
	{
		ID: "reddit", Goth: "reddit", Name: "Reddit", Kind: OAuth2, Engine: Own, Color: "#ff4500",
		Docs:  "https://www.reddit.com/prefs/apps",
		Unfit: "it has no HTTPClient field to bind a sign-in to; write ginauth.Goth(reddit.New(key, secret)) with the package providers/reddit",
	},
	{
		ID: "salesforce", Goth: "salesforce", Name: "Salesforce", Kind: OAuth2, Engine: Bound, Color: "#00a1e0",
		Docs:      "https://help.salesforce.com/s/articleView?id=sf.connected_app_create.htm",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "seatalk", Goth: "seatalk", Name: "SeaTalk", Kind: Other, Color: "#1f75fe",
		Docs:    "https://open.seatalk.io",
		Unfit:   "it has no HTTPClient field to bind a sign-in to",
		LeftOut: "its token request cannot carry a code verifier",
	},
	{
		ID: "shopify", Goth: "shopify", Name: "Shopify", Kind: OAuth2, Color: "#5a863e",
		Docs:    "https://partners.shopify.com",
		Unfit:   "it checks a signature over the whole callback query with a key from the environment",
		LeftOut: "goth checks a signature over the whole callback query with a key from the environment",
	},
	{
		ID: "slack", Goth: "slack", Name: "Slack", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#4a154b",
		Docs:  "https://api.slack.com/apps",
		Stale: "goth speaks the sign-in that Slack no longer gives to new apps",
	},
	{
		ID: "soundcloud", Goth: "soundcloud", Name: "SoundCloud", Kind: OAuth2, Engine: Bound, Color: "#ff5500",
		Docs:      "https://soundcloud.com/you/apps",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "spotify", Goth: "spotify", Name: "Spotify", Kind: OAuth2, Engine: Bound, Color: "#1db954",
		Docs:      "https://developer.spotify.com/dashboard",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
	{
		ID: "steam", Goth: "steam", Name: "Steam", Kind: Other, Color: "#171a21",
		Docs:  "https://steamcommunity.com/dev/apikey",
		Unfit: "goth accepts assertions that Steam did not confirm; write ginauth.Goth(steam.New(apiKey)) with the package providers/steam",
	},
	{
		ID: "strava", Goth: "strava", Name: "Strava", Kind: OAuth2, Engine: Bound, Color: "#fc4c02",
		Docs:          "https://www.strava.com/settings/api",
		AuthStyle:     oauth2.AuthStyleInParams,
		TokenInHeader: true,
	},
	{
		ID: "stripe", Goth: "stripe", Name: "Stripe", Kind: OAuth2, Engine: Bound, Color: "#635bff",
		Docs:      "https://dashboard.stripe.com/settings/connect",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "tiktok", Goth: "tiktok", Name: "TikTok", Kind: OAuth2, Color: "#010101",
		Docs:  "https://developers.tiktok.com/apps",
		Unfit: `goth speaks the first version of its API, which TikTok has retired; write providers.New("tiktok", providers.Settings{ClientID: key, ClientSecret: secret})`,
	},
	{
		ID: "tumblr", Goth: "tumblr", Name: "Tumblr", Kind: OAuth2, Engine: Own, Color: "#36465d",
		Docs:  "https://www.tumblr.com/oauth/apps",
		Unfit: "it speaks OAuth 1.0a, which has no state and no code verifier; write ginauth.Goth(tumblr.New(key, secret)) with the package providers/tumblr",
	},
	{
		ID: "twitch", Goth: "twitch", Name: "Twitch", Kind: OAuth2, Engine: Bound, Color: "#9146ff",
		Docs:      "https://dev.twitch.tv/console/apps",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "twitter", Goth: "twitter", Name: "X", Kind: OAuth2, Engine: Own, Verified: "email_verified", Color: "#000000",
		Docs:  "https://developer.x.com/en/portal/projects-and-apps",
		Unfit: "it speaks OAuth 1.0a, which has no state and no code verifier; write ginauth.Goth(x.New(key, secret)) with the package providers/x",
	},
	{
		ID: "twitterv2", Goth: "twitterv2", Name: "X", Kind: OAuth2, Color: "#000000",
		Docs:    "https://developer.x.com/en/portal/projects-and-apps",
		Unfit:   "it speaks OAuth 1.0a, which has no state and no code verifier; write ginauth.Goth(x.New(key, secret)) with the package providers/x",
		LeftOut: "goth speaks OAuth 1.0a to it; use twitter, which is X on OAuth 2.0",
	},
	{
		ID: "typetalk", Goth: "typetalk", Name: "Typetalk", Kind: OAuth2, Color: "#3cb4e5",
		Docs:    "https://nulab.com",
		LeftOut: "Nulab has closed Typetalk",
	},
	{
		ID: "uber", Goth: "uber", Name: "Uber", Kind: OAuth2, Engine: Bound, Color: "#000000",
		Docs:      "https://developer.uber.com/dashboard",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "vk", Goth: "vk", Name: "VK", Kind: OAuth2, Engine: Bound, Color: "#0077ff",
		Docs:      "https://id.vk.com/about/business/go",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "wechat", Goth: "wechat", Name: "WeChat", Kind: Other, Color: "#07c160",
		Docs:  "https://open.weixin.qq.com",
		Unfit: `its token request goes past every client of ours; write providers.New("wechat", providers.Settings{ClientID: key, ClientSecret: secret})`,
	},
	{
		ID: "wecom", Goth: "wecom", Name: "WeCom", Kind: Other, Color: "#2b7ce9",
		Docs:    "https://work.weixin.qq.com",
		Unfit:   "its token request is not a form and cannot carry a code verifier",
		LeftOut: "its token request cannot carry a code verifier",
	},
	{
		ID: "wepay", Goth: "wepay", Name: "WePay", Kind: OAuth2, Color: "#0d7ef9",
		Docs:    "https://developer.wepay.com",
		LeftOut: "WePay has closed this API",
	},
	{
		ID: "xero", Goth: "xero", Name: "Xero", Kind: OIDC, Engine: Preset, Color: "#13b5ea",
		Docs:  "https://developer.xero.com/app/manage",
		Unfit: "it speaks OAuth 1.0a, which has no state and no code verifier; write ginauth.Goth(oidc.Xero(key, secret))",
	},
	{
		ID: "yahoo", Goth: "yahoo", Name: "Yahoo", Kind: OAuth2, Engine: Bound, Color: "#6001d2",
		Docs:      "https://developer.yahoo.com/apps/",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
	{
		ID: "yammer", Goth: "yammer", Name: "Yammer", Kind: OAuth2, Color: "#0072c6",
		Docs:      "https://www.yammer.com/client_applications",
		AuthStyle: oauth2.AuthStyleInParams,
		LeftOut:   "Yammer takes no new applications and signs people in with Microsoft Entra ID; use azureadv2",
	},
	{
		ID: "yandex", Goth: "yandex", Name: "Yandex", Kind: OAuth2, Engine: Exchange, Color: "#fc3f1d",
		Docs:      "https://oauth.yandex.com",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "zitadel", Name: "ZITADEL", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#2073c4",
		Docs: "https://zitadel.com/docs/guides/integrate/login/oidc",
	},
	{
		ID: "zoom", Goth: "zoom", Name: "Zoom", Kind: OAuth2, Engine: Bound, Color: "#0b5cff",
		Docs:      "https://marketplace.zoom.us/user/build",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
}
