package service

import "golang.org/x/oauth2"

var aToL = []Service{
	{
		ID: "amazon", Goth: "amazon", Name: "Amazon", Kind: OAuth2, Engine: Bound, Color: "#ff9900",
		Docs:      "https://developer.amazon.com/loginwithamazon/console/site/lwa/overview.html",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "apple", Goth: "apple", Name: "Apple", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#000000",
		Docs:  "https://developer.apple.com/account/resources/identifiers/list/serviceId",
		Unfit: "goth reads Apple's id_token without a nonce and with no timeout; write ginauth.Goth(oidc.Apple(oidc.AppleConfig{ClientID: key, TeamID: team, KeyID: keyID, PrivateKey: pem}))",
	},
	{
		ID: "auth0", Goth: "auth0", Name: "Auth0", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#eb5424",
		Docs:      "https://manage.auth0.com/dashboard",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "authentik", Name: "authentik", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#fd4b2d",
		Docs: "https://docs.goauthentik.io/add-secure-apps/providers/oauth2/",
	},
	{
		ID: "azuread", Goth: "azuread", Name: "Microsoft Entra ID", Kind: OAuth2, Color: "#0078d4",
		Docs:    "https://entra.microsoft.com",
		LeftOut: "it reads the Azure AD Graph, which Microsoft has retired; use azureadv2",
	},
	{
		ID: "azureadv2", Goth: "azureadv2", Name: "Microsoft", Kind: OIDC, Engine: Preset, Color: "#0078d4",
		Docs:  "https://entra.microsoft.com",
		Stale: "goth keys people on a mutable directory and drops the id_token",
	},
	{
		ID: "battlenet", Goth: "battlenet", Name: "Battle.net", Kind: OAuth2, Engine: Bound, Color: "#148eff",
		Docs:      "https://develop.battle.net/access/clients",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
	{
		ID: "bitbucket", Goth: "bitbucket", Name: "Bitbucket", Kind: OAuth2, Engine: Bound, Verified: Always, Color: "#0052cc",
		Docs:      "https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "bitly", Goth: "bitly", Name: "Bitly", Kind: OAuth2, Engine: Bound, Verified: Always, Color: "#ee6123",
		Docs:      "https://dev.bitly.com",
		Subject:   "login",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "box", Goth: "box", Name: "Box", Kind: OAuth2, Engine: Bound, Color: "#0061d5",
		Docs:      "https://app.box.com/developers/console",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "classlink", Goth: "classlink", Name: "ClassLink", Kind: OAuth2, Engine: Bound, Color: "#13477b",
		Docs:      "https://developer.classlink.com",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "cloudfoundry", Goth: "cloudfoundry", Name: "Cloud Foundry", Kind: OAuth2, Engine: Bound, Verified: "email_verified", Color: "#0c9ed5",
		Docs:      "https://docs.cloudfoundry.org/api/uaa/",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
	{
		ID: "cognito", Goth: "cognito", Name: "Amazon Cognito", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#dd344c",
		Docs: "https://console.aws.amazon.com/cognito",
	},
	{
		ID: "dailymotion", Goth: "dailymotion", Name: "Dailymotion", Kind: OAuth2, Engine: Exchange, Color: "#0a0a0a",
		Docs:      "https://developers.dailymotion.com",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "deezer", Goth: "deezer", Name: "Deezer", Kind: OAuth2, Engine: Bound, Color: "#a238ff",
		Docs: "https://developers.deezer.com/myapps",
	},
	{
		ID: "digitalocean", Goth: "digitalocean", Name: "DigitalOcean", Kind: OAuth2, Engine: Bound, Verified: "account.email_verified", Color: "#0069ff",
		Docs:      "https://cloud.digitalocean.com/account/api/applications",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "discord", Goth: "discord", Name: "Discord", Kind: OAuth2, Engine: Exchange, Verified: "verified", Color: "#5865f2",
		Docs:      "https://discord.com/developers/applications",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "dropbox", Goth: "dropbox", Name: "Dropbox", Kind: OAuth2, Engine: Bound, Verified: "email_verified", Color: "#0061ff",
		Docs:      "https://www.dropbox.com/developers/apps",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "eveonline", Goth: "eveonline", Name: "EVE Online", Kind: OAuth2, Engine: Bound, Color: "#2d2d2d",
		Docs:      "https://developers.eveonline.com/applications",
		AuthStyle: oauth2.AuthStyleInHeader,
	},
	{
		ID: "facebook", Goth: "facebook", Name: "Facebook", Kind: OAuth2, Engine: Bound, Color: "#0866ff",
		Docs:      "https://developers.facebook.com/apps",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "fitbit", Goth: "fitbit", Name: "Fitbit", Kind: OAuth2, Color: "#00b0b9",
		Docs:      "https://dev.fitbit.com/apps",
		AuthStyle: oauth2.AuthStyleInHeader,
		LeftOut:   "Google ends the Fitbit Web API in September 2026; use google",
	},
	{
		ID: "gitea", Goth: "gitea", Name: "Gitea", Kind: OAuth2, Engine: Bound, Color: "#609926",
		Docs:          "https://docs.gitea.com/development/oauth2-provider",
		AuthStyle:     oauth2.AuthStyleInParams,
		TokenInHeader: true,
	},
	{
		ID: "github", Goth: "github", Name: "GitHub", Kind: OAuth2, Engine: Bound, Verified: List, Color: "#24292f", Refreshes: true,
		Docs:      "https://github.com/settings/developers",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "gitlab", Goth: "gitlab", Name: "GitLab", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#e24329",
		Docs:  "https://gitlab.com/-/user_settings/applications",
		Stale: "goth's profile URL is of an API that GitLab has removed",
	},
	{
		ID: "google", Goth: "google", Name: "Google", Kind: OIDC, Engine: Preset, Verified: "verified_email", Color: "#1967d2",
		Docs:   "https://console.cloud.google.com/apis/credentials",
		Stale:  "goth does not verify the id_token",
		Issuer: "https://accounts.google.com",
	},
	{
		ID: "gplus", Goth: "gplus", Name: "Google+", Kind: OAuth2, Color: "#4285f4",
		Docs:    "https://console.cloud.google.com/apis/credentials",
		LeftOut: "Google+ is closed; use google",
		Issuer:  "https://accounts.google.com",
	},
	{
		ID: "heroku", Goth: "heroku", Name: "Heroku", Kind: OAuth2, Engine: Bound, Color: "#430098",
		Docs:      "https://dashboard.heroku.com/account/applications",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "hubspot", Goth: "hubspot", Name: "HubSpot", Kind: OAuth2, Engine: Bound, Color: "#ff7a59",
		Docs:      "https://developers.hubspot.com",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "influxcloud", Goth: "influxcloud", Name: "InfluxCloud", Kind: OAuth2, Color: "#22adf6",
		Docs:    "https://www.influxdata.com",
		LeftOut: "InfluxData has closed this sign-in",
	},
	{
		ID: "instagram", Goth: "instagram", Name: "Instagram", Kind: OAuth2, Color: "#e4405f",
		Docs:  "https://developers.facebook.com/docs/instagram-platform",
		Unfit: `goth asks an API that Instagram has retired; write providers.New("instagram", providers.Settings{ClientID: key, ClientSecret: secret})`,
	},
	{
		ID: "intercom", Goth: "intercom", Name: "Intercom", Kind: OAuth2, Engine: Exchange, Verified: "email_verified", Color: "#286efa",
		Docs:      "https://app.intercom.com/a/apps/_/developer-hub",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "kakao", Goth: "kakao", Name: "Kakao", Kind: OAuth2, Engine: Bound, Color: "#fee500",
		Docs:      "https://developers.kakao.com/console/app",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "keycloak", Name: "Keycloak", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#4d4d4d",
		Docs: "https://www.keycloak.org/docs/latest/server_admin/",
	},
	{
		ID: "lark", Goth: "lark", Name: "Lark", Kind: Other, Color: "#3370ff",
		Docs:  "https://open.larksuite.com/app",
		Unfit: `its token request is not a form and cannot carry a code verifier; write providers.New("lark", providers.Settings{ClientID: key, ClientSecret: secret})`,
	},
	{
		ID: "lastfm", Goth: "lastfm", Name: "Last.fm", Kind: Other, Color: "#d51007",
		Docs:    "https://www.last.fm/api/account/create",
		Unfit:   "its sign-in has no state",
		LeftOut: "its sign-in has no state, so that nothing binds an answer to a browser",
	},
	{
		ID: "line", Goth: "line", Name: "LINE", Kind: OAuth2, Engine: Bound, Color: "#06c755",
		Docs:      "https://developers.line.biz/console/",
		AuthStyle: oauth2.AuthStyleInParams,
	},
	{
		ID: "linkedin", Goth: "linkedin", Name: "LinkedIn", Kind: OIDC, Engine: Preset, Verified: "email_verified", Color: "#0a66c2",
		Docs:  "https://www.linkedin.com/developers/apps",
		Stale: "goth asks for scopes that LinkedIn has retired",
	},
}
