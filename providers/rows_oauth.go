package providers

import (
	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oauth"
)

// plain is a row of a service that speaks plain OAuth 2.0 and that goth does not
// know.
func plain(id, name, color, docs string, facts oauth.Config) row {
	return row{Service: service.Service{ID: id, Name: name, Kind: service.OAuth2, Engine: service.Own, Color: color, Docs: docs}, oauth: facts}
}

// in puts settings into a row.
func (r row) in(settings ...Setting) row {
	r.settings = settings
	return r
}

// says puts a note into a row.
func (r row) says(note string) row {
	r.note = note
	return r
}

// adapts puts a function into a row that puts settings into its facts.
func (r row) adapts(adapt func(c *oauth.Config, values map[string]string)) row {
	r.adapt = adapt
	return r
}

// withoutSecret lets a client be a public one.
func (r row) withoutSecret() row {
	r.public = true
	return r
}

func left(id, name, docs, why string) row {
	return row{Service: service.Service{ID: id, Name: name, Kind: service.Other, Color: "#6b7280", Docs: docs, LeftOut: why}}
}

var issuerSetting = setting("issuer", "the server's address", "https://login.example.com", "url")

// oauthRows are the services of NextAuth.js, Auth.js and others that speak plain
// OAuth 2.0. The facts are those of @auth/core 0.41.3, better-auth 1.7.25, arctic
// 3.7.0, PocketBase 0.40.4 and django-allauth 20f4bde; testdata/witness.tsv says
// which of them each endpoint is known to.
var oauthRows = []row{
	plain("42-school", "42 School", "#000000", "https://api.intra.42.fr/apidoc/guides/web_application_flow", oauth.Config{
		AuthURL: "https://api.intra.42.fr/oauth/authorize", TokenURL: "https://api.intra.42.fr/oauth/token", UserInfoURL: "https://api.intra.42.fr/v2/me",
		AuthStyle: inForm, Scopes: []string{"public"}, Fields: oauth.Fields{ID: "id", Name: "usual_full_name", NickName: "login", Email: "email", Image: "image.link"},
	}),
	plain("anilist", "AniList", "#02a9ff", "https://anilist.co/settings/developer", oauth.Config{
		AuthURL: "https://anilist.co/api/v2/oauth/authorize", TokenURL: "https://anilist.co/api/v2/oauth/token", UserInfoURL: "https://graphql.anilist.co",
		UserInfoBody: `{"query":"{Viewer{id name avatar{large}}}"}`, AuthStyle: inForm, DisablePKCE: true,
		Fields: oauth.Fields{ID: "data.Viewer.id", Name: "data.Viewer.name", Image: "data.Viewer.avatar.large"},
	}).says("AniList knows no code challenge: state alone binds a sign-in to its browser."),
	plain("asana", "Asana", "#f06a6a", "https://app.asana.com/0/my-apps", oauth.Config{
		AuthURL: "https://app.asana.com/-/oauth_authorize", TokenURL: "https://app.asana.com/-/oauth_token", UserInfoURL: "https://app.asana.com/api/1.0/users/me",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "data.gid", Name: "data.name", Email: "data.email", Image: "data.photo.image_128x128"},
	}),
	plain("atlassian", "Atlassian", "#0052cc", "https://developer.atlassian.com/cloud/jira/software/oauth-2-3lo-apps/", oauth.Config{
		AuthURL: "https://auth.atlassian.com/authorize", TokenURL: "https://auth.atlassian.com/oauth/token", UserInfoURL: "https://api.atlassian.com/me",
		AuthParams: map[string][]string{"audience": {"api.atlassian.com"}, "prompt": {"consent"}},
		AuthStyle:  inForm, Scopes: []string{"read:me"}, Fields: oauth.Fields{ID: "account_id", Name: "name", Email: "email", EmailVerified: "email_verified", Image: "picture"},
	}),
	plain("boxyhq-saml", "BoxyHQ SAML", "#25c2a0", "https://boxyhq.com/docs/jackson/deploy", oauth.Config{
		AuthURL: "{issuer}/api/oauth/authorize", TokenURL: "{issuer}/api/oauth/token", UserInfoURL: "{issuer}/api/oauth/userinfo",
		AuthParams: map[string][]string{"provider": {"saml"}},
		AuthStyle:  inForm, Fields: oauth.Fields{ID: "id", Name: "firstName+lastName", Email: "email"},
	}).in(issuerSetting).says("The authorization request names the tenant and the product: put both into the authorization parameters."),
	plain("bungie", "Bungie", "#0075bb", "https://github.com/Bungie-net/api/wiki/OAuth-Documentation", oauth.Config{
		AuthURL: "https://www.bungie.net/en/OAuth/Authorize?reauth=true", TokenURL: "https://www.bungie.net/platform/app/oauth/token/",
		UserInfoURL: "https://www.bungie.net/platform/User/GetBungieAccount/{membership_id}/254/",
		AuthStyle:   inHeader, Fields: oauth.Fields{ID: "Response.bungieNetUser.membershipId", Name: "Response.bungieNetUser.displayName", Image: "https://www.bungie.net{Response.bungieNetUser.profilePicturePath}"},
	}).in(setting("api_key", "the application's API key", "0123456789abcdef0123456789abcdef")).
		adapts(func(c *oauth.Config, values map[string]string) {
			c.UserInfoHeader = map[string]string{"X-API-Key": values["api_key"]}
		}),
	plain("click-up", "ClickUp", "#7b68ee", "https://clickup.com/api/developer-portal/authentication#oauth-flow", oauth.Config{
		AuthURL: "https://app.clickup.com/api", TokenURL: "https://api.clickup.com/api/v2/oauth/token", UserInfoURL: "https://api.clickup.com/api/v2/user",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "user.id", Name: "user.username", Email: "user.email", Image: "user.profilePicture"},
	}),
	plain("cloudflare", "Cloudflare", "#f38020", "https://dash.cloudflare.com/", oauth.Config{
		AuthURL: "https://dash.cloudflare.com/oauth2/auth", TokenURL: "https://dash.cloudflare.com/oauth2/token", UserInfoURL: "https://api.cloudflare.com/client/v4/user",
		AuthStyle: inHeader, Scopes: []string{"user-details.read"}, Fields: oauth.Fields{ID: "result.id", Name: "result.first_name+result.last_name|result.email", Email: "result.email"},
	}).withoutSecret(),
	plain("coinbase", "Coinbase", "#0052ff", "https://developers.coinbase.com/api/v2", oauth.Config{
		AuthURL: "https://login.coinbase.com/oauth2/auth", TokenURL: "https://login.coinbase.com/oauth2/token", UserInfoURL: "https://api.coinbase.com/v2/user",
		AuthStyle: inForm, Scopes: []string{"wallet:user:email", "wallet:user:read"}, Fields: oauth.Fields{ID: "data.id", Name: "data.name", Email: "data.email", Image: "data.avatar_url"},
	}),
	plain("concept2", "Concept2", "#0057a0", "https://log.concept2.com/developers/documentation/", oauth.Config{
		AuthURL: "https://log.concept2.com/oauth/authorize", TokenURL: "https://log.concept2.com/oauth/access_token", UserInfoURL: "https://log.concept2.com/api/users/me",
		AuthStyle: inForm, Scopes: []string{"user:read"}, Fields: oauth.Fields{ID: "data.id", Name: "data.username", Email: "data.email", Image: "data.profile_image"},
	}),
	plain("dribbble", "Dribbble", "#ea4c89", "https://dribbble.com/account/applications/new", oauth.Config{
		AuthURL: "https://dribbble.com/oauth/authorize", TokenURL: "https://dribbble.com/oauth/token", UserInfoURL: "https://api.dribbble.com/v2/user",
		AuthStyle: inForm, Scopes: []string{"public"}, Fields: oauth.Fields{ID: "id", Name: "name", NickName: "login", Email: "email", Image: "avatar_url"},
	}),
	plain("eventbrite", "Eventbrite", "#f05537", "https://www.eventbrite.com/account-settings/apps", oauth.Config{
		AuthURL: "https://www.eventbrite.com/oauth/authorize", TokenURL: "https://www.eventbrite.com/oauth/token", UserInfoURL: "https://www.eventbriteapi.com/v3/users/me/",
		AuthStyle: inForm, Scopes: []string{"user.profile"}, Emails: oauth.Emails{List: "emails", Email: "email", Primary: "primary"},
		Fields: oauth.Fields{ID: "id", Name: "name", Image: "https://img.evbuc.com/https%3A%2F%2Fcdn.evbuc.com%2Fimages%2F{image_id}%2F1%2Foriginal.jpg"},
	}),
	plain("faceit", "FACEIT", "#ff5500", "https://cdn.faceit.com/third_party/docs/FACEIT_Connect_3.0.pdf", oauth.Config{
		AuthURL: "https://accounts.faceit.com/accounts?redirect_popup=true", TokenURL: "https://api.faceit.com/auth/v1/oauth/token", UserInfoURL: "https://api.faceit.com/auth/v1/resources/userinfo",
		AuthStyle: inHeader, Scopes: []string{"openid", "email", "profile"}, Fields: oauth.Fields{ID: "guid", Name: "name|nickname", NickName: "nickname", Email: "email", Image: "picture"},
	}),
	plain("feishu", "Feishu", "#3370ff", "https://open.feishu.cn/app", larkAt("https://accounts.feishu.cn", "https://open.feishu.cn")),
	plain("figma", "Figma", "#f24e1e", "https://www.figma.com/developers/api#oauth2", oauth.Config{
		AuthURL: "https://www.figma.com/oauth", TokenURL: "https://api.figma.com/v1/oauth/token", UserInfoURL: "https://api.figma.com/v1/me", RefreshURL: "https://api.figma.com/v1/oauth/refresh",
		AuthStyle: inHeader, Scopes: []string{"current_user:read"}, Fields: oauth.Fields{ID: "id", Name: "handle", Email: "email", Image: "img_url"},
	}),
	plain("foursquare", "Foursquare", "#3333ff", "https://docs.foursquare.com/developer/reference/authentication", oauth.Config{
		AuthURL: "https://foursquare.com/oauth2/authenticate", TokenURL: "https://foursquare.com/oauth2/access_token", UserInfoURL: "https://api.foursquare.com/v2/users/self?v=20230131",
		AuthStyle: inForm, TokenInQuery: "oauth_token", Fields: oauth.Fields{
			ID: "response.user.id", Name: "response.user.firstName+response.user.lastName", Email: "response.user.contact.email",
			Image: "{response.user.photo.prefix}original{response.user.photo.suffix}",
		},
	}),
	plain("freshbooks", "FreshBooks", "#0075dd", "https://www.freshbooks.com/api/authenticating-with-oauth-2-0-on-the-new-freshbooks-api", oauth.Config{
		AuthURL: "https://auth.freshbooks.com/service/auth/oauth/authorize", TokenURL: "https://api.freshbooks.com/auth/oauth/token", UserInfoURL: "https://api.freshbooks.com/auth/api/v1/users/me",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "response.id", Name: "response.first_name+response.last_name", Email: "response.email"},
	}),
	plain("gitee", "Gitee", "#c71d23", "https://gitee.com/oauth/applications", oauth.Config{
		AuthURL: "https://gitee.com/oauth/authorize", TokenURL: "https://gitee.com/oauth/token", UserInfoURL: "https://gitee.com/api/v5/user",
		AuthStyle: inForm, Scopes: []string{"user_info", "emails"}, Fields: oauth.Fields{ID: "id", Name: "name|login", NickName: "login", Email: "email", Image: "avatar_url"},
		Emails: oauth.Emails{URL: "https://gitee.com/api/v5/emails", Email: "email", Primary: "scope.0=primary", Verified: "state=confirmed"},
	}),
	plain("kick", "Kick", "#53fc19", "https://kick.com/settings/developer", oauth.Config{
		AuthURL: "https://id.kick.com/oauth/authorize", TokenURL: "https://id.kick.com/oauth/token", UserInfoURL: "https://api.kick.com/public/v1/users",
		AuthStyle: inForm, Scopes: []string{"user:read"}, Fields: oauth.Fields{ID: "data.0.user_id", Name: "data.0.name", Email: "data.0.email", Image: "data.0.profile_picture"},
	}),
	plain("lichess", "Lichess", "#000000", "https://lichess.org/api#tag/OAuth", oauth.Config{
		AuthURL: "https://lichess.org/oauth", TokenURL: "https://lichess.org/api/token", UserInfoURL: "https://lichess.org/api/account",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "username"},
	}).withoutSecret().says("Lichess registers no clients: any text that names the site is a client ID."),
	plain("linear", "Linear", "#5e6ad2", "https://linear.app/settings/api/applications", oauth.Config{
		AuthURL: "https://linear.app/oauth/authorize", TokenURL: "https://api.linear.app/oauth/token", UserInfoURL: "https://api.linear.app/graphql",
		UserInfoBody: `{"query":"{viewer{id name displayName email avatarUrl active}}"}`, AuthStyle: inForm, DisablePKCE: true, Scopes: []string{"read"},
		Fields: oauth.Fields{ID: "data.viewer.id", Name: "data.viewer.name", NickName: "data.viewer.displayName", Email: "data.viewer.email", Image: "data.viewer.avatarUrl", Active: "data.viewer.active"},
	}).says("Linear refuses a code challenge: state alone binds a sign-in to its browser."),
	plain("mailchimp", "Mailchimp", "#ffe01b", "https://admin.mailchimp.com/account/oauth2/client/", oauth.Config{
		AuthURL: "https://login.mailchimp.com/oauth2/authorize", TokenURL: "https://login.mailchimp.com/oauth2/token", UserInfoURL: "https://login.mailchimp.com/oauth2/metadata",
		AuthStyle: inForm, TokenScheme: "OAuth", Fields: oauth.Fields{ID: "login.login_id", Name: "accountname", Email: "login.email", Image: "login.avatar"},
	}),
	plain("mattermost", "Mattermost", "#0058cc", "https://mattermost.com", oauth.Config{
		AuthURL: "{issuer}/oauth/authorize", TokenURL: "{issuer}/oauth/access_token", UserInfoURL: "{issuer}/api/v4/users/me",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "username|first_name+last_name", NickName: "username", Email: "email"},
	}).in(issuerSetting),
	plain("miro", "Miro", "#050038", "https://miro.com/app/settings/user-profile/apps", oauth.Config{
		AuthURL: "https://miro.com/oauth/authorize", TokenURL: "https://api.miro.com/v1/oauth/token", UserInfoURL: "https://api.miro.com/v1/users/me",
		AuthStyle: inForm, Scopes: []string{"identity:read"}, Fields: oauth.Fields{ID: "id", Name: "name", Email: "email", EmailVerified: "state=registered", Image: "picture.imageUrl"},
	}),
	plain("monday", "monday.com", "#fb275d", "https://monday.com/developers/apps", oauth.Config{
		AuthURL: "https://auth.monday.com/oauth2/authorize", TokenURL: "https://auth.monday.com/oauth2/token", UserInfoURL: "https://api.monday.com/v2",
		UserInfoBody: `{"query":"{me{id enabled name email is_verified photo_small}}"}`, AuthStyle: inForm, Scopes: []string{"me:read"},
		Fields: oauth.Fields{ID: "data.me.id", Name: "data.me.name", Email: "data.me.email", EmailVerified: "data.me.is_verified", Image: "data.me.photo_small", Active: "data.me.enabled"},
	}),
	plain("netlify", "Netlify", "#00c7b7", "https://github.com/netlify/netlify-oauth-example/", oauth.Config{
		AuthURL: "https://app.netlify.com/authorize", TokenURL: "https://api.netlify.com/oauth/token", UserInfoURL: "https://api.netlify.com/api/v1/user",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "full_name", Email: "email", Image: "avatar_url"},
	}),
	plain("netsuite", "NetSuite", "#181a1b", "https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/book_1559132836.html", oauth.Config{
		AuthURL:  "https://{account}.app.netsuite.com/app/login/oauth2/authorize.nl",
		TokenURL: "https://{account}.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token", UserInfoURL: "{userinfo}",
		AuthStyle: inHeader, Scopes: []string{"restlets", "rest_webservices"}, Fields: oauth.Fields{ID: "id", Name: "name", Email: "email"},
	}).in(setting("account", "the account ID, as it stands in the account's address", "1234567-sb1"), setting("userinfo", "the address of a RESTlet that answers the current user", "https://1234567.restlets.api.netsuite.com/app/site/hosting/restlet.nl")).
		says("NetSuite has no profile endpoint: a RESTlet of your own answers who signed in."),
	plain("notion", "Notion", "#000000", "https://www.notion.so/my-integrations", oauth.Config{
		AuthURL: "https://api.notion.com/v1/oauth/authorize", TokenURL: "https://api.notion.com/v1/oauth/token", UserInfoURL: "https://api.notion.com/v1/users/me",
		AuthParams: map[string][]string{"owner": {"user"}}, UserInfoHeader: map[string]string{"Notion-Version": "2022-06-28"},
		AuthStyle: inHeader, Fields: oauth.Fields{ID: "bot.owner.user.id", Name: "bot.owner.user.name", Email: "bot.owner.user.person.email", Image: "bot.owner.user.avatar_url"},
	}),
	plain("openstreetmap", "OpenStreetMap", "#7ebc6f", "https://www.openstreetmap.org/oauth2/applications", oauth.Config{
		AuthURL: "https://www.openstreetmap.org/oauth2/authorize", TokenURL: "https://www.openstreetmap.org/oauth2/token", UserInfoURL: "https://api.openstreetmap.org/api/0.6/user/details.json",
		AuthStyle: inForm, Scopes: []string{"read_prefs"}, Fields: oauth.Fields{ID: "user.id", Name: "user.display_name", Image: "user.img.href"},
	}),
	plain("osu", "osu!", "#ff66aa", "https://osu.ppy.sh/home/account/edit#new-oauth-application", oauth.Config{
		AuthURL: "https://osu.ppy.sh/oauth/authorize", TokenURL: "https://osu.ppy.sh/oauth/token", UserInfoURL: "https://osu.ppy.sh/api/v2/me",
		AuthStyle: inForm, Scopes: []string{"identify"}, Fields: oauth.Fields{ID: "id", Name: "username", Image: "avatar_url"},
	}),
	plain("pinterest", "Pinterest", "#bd081c", "https://developers.pinterest.com/apps/", oauth.Config{
		AuthURL: "https://www.pinterest.com/oauth/", TokenURL: "https://api.pinterest.com/v5/oauth/token", UserInfoURL: "https://api.pinterest.com/v5/user_account",
		AuthStyle: inHeader, Scopes: []string{"user_accounts:read"}, Fields: oauth.Fields{ID: "id", Name: "username", NickName: "username", Image: "profile_image"},
	}),
	plain("pipedrive", "Pipedrive", "#017737", "https://pipedrive.readme.io/docs/marketplace-oauth-authorization", oauth.Config{
		AuthURL: "https://oauth.pipedrive.com/oauth/authorize", TokenURL: "https://oauth.pipedrive.com/oauth/token", UserInfoURL: "https://api.pipedrive.com/users/me",
		AuthStyle: inHeader, Fields: oauth.Fields{ID: "data.id", Name: "data.name", Email: "data.email", Image: "data.icon_url"},
	}),
	plain("polar", "Polar", "#0062ff", "https://polar.sh/settings", oauth.Config{
		AuthURL: "https://polar.sh/oauth2/authorize", TokenURL: "https://api.polar.sh/v1/oauth2/token", UserInfoURL: "https://api.polar.sh/v1/oauth2/userinfo",
		AuthStyle: inForm, Scopes: []string{"openid", "profile", "email"}, Fields: oauth.Fields{ID: "id|sub", Name: "public_name|username|name", Email: "email", EmailVerified: "email_verified", Image: "avatar_url"},
	}),
	plain("railway", "Railway", "#0b0d0e", "https://railway.com/workspace/developer", oauth.Config{
		AuthURL: "https://backboard.railway.com/oauth/auth", TokenURL: "https://backboard.railway.com/oauth/token", UserInfoURL: "https://backboard.railway.com/oauth/me",
		AuthStyle: inHeader, Scopes: []string{"openid", "email", "profile"}, Fields: oauth.Fields{ID: "sub", Name: "name", Email: "email", Image: "picture"},
	}),
	plain("snapchat", "Snapchat", "#fffc00", "https://kit.snapchat.com/manage/apps", oauth.Config{
		AuthURL: "https://accounts.snapchat.com/accounts/oauth2/auth", TokenURL: "https://accounts.snapchat.com/accounts/oauth2/token", UserInfoURL: "https://api.snapkit.com/v1/me",
		UserInfoBody: `{"query":"{me{externalId displayName}}"}`, AuthStyle: inForm,
		Scopes: []string{"https://auth.snapchat.com/oauth2/api/user.external_id", "https://auth.snapchat.com/oauth2/api/user.display_name"},
		Fields: oauth.Fields{ID: "data.me.externalId", Name: "data.me.displayName", Image: "data.me.bitmoji.avatar"},
	}),
	plain("threads", "Threads", "#000000", "https://developers.facebook.com/apps", oauth.Config{
		AuthURL: "https://threads.net/oauth/authorize", TokenURL: "https://graph.threads.net/oauth/access_token", UserInfoURL: "https://graph.threads.net/v1.0/me?fields=id,username,threads_profile_picture_url",
		AuthStyle: inForm, DisablePKCE: true, Scopes: []string{"threads_basic"}, Fields: oauth.Fields{ID: "id|data.id", Name: "username|data.username", Image: "threads_profile_picture_url|data.threads_profile_picture_url"},
	}).says("Threads documents no code challenge: state alone binds a sign-in to its browser."),
	plain("todoist", "Todoist", "#e44332", "https://developer.todoist.com/appconsole.html", oauth.Config{
		AuthURL: "https://todoist.com/oauth/authorize", TokenURL: "https://todoist.com/oauth/access_token", UserInfoURL: "https://api.todoist.com/sync/v9/sync",
		UserInfoBody: `{"sync_token":"*","resource_types":"[\"user\"]"}`, AuthStyle: inForm, Scopes: []string{"data:read"},
		Fields: oauth.Fields{ID: "user.id", Name: "user.full_name", Email: "user.email", Image: "user.avatar_big"},
	}),
	plain("trakt", "Trakt", "#9f42c6", "https://trakt.docs.apiary.io/#reference/authentication-oauth", oauth.Config{
		AuthURL: "https://trakt.tv/oauth/authorize", TokenURL: "https://api.trakt.tv/oauth/token", UserInfoURL: "https://api.trakt.tv/users/settings",
		UserInfoHeader: map[string]string{"trakt-api-version": "2", "trakt-api-key": "{client_id}"},
		AuthStyle:      inForm, Fields: oauth.Fields{ID: "user.ids.uuid", Name: "user.name|user.username", NickName: "user.username", Image: "user.images.avatar.full"},
	}),
	plain("vercel", "Vercel", "#000000", "https://vercel.com/docs/sign-in-with-vercel", oauth.Config{
		AuthURL: "https://vercel.com/oauth/authorize", TokenURL: "https://api.vercel.com/login/oauth/token", UserInfoURL: "https://api.vercel.com/login/oauth/userinfo",
		AuthStyle: inForm, Scopes: []string{"openid", "email", "profile"}, Fields: oauth.Fields{ID: "sub", Name: "name|preferred_username", Email: "email", EmailVerified: "email_verified", Image: "picture"},
	}).withoutSecret(),
	plain("wakatime", "WakaTime", "#000000", "https://wakatime.com/apps", oauth.Config{
		AuthURL: "https://wakatime.com/oauth/authorize", TokenURL: "https://wakatime.com/oauth/token", UserInfoURL: "https://wakatime.com/api/v1/users/current",
		AuthStyle: inForm, Scopes: []string{"email"}, Fields: oauth.Fields{ID: "data.id", Name: "data.display_name|data.username", NickName: "data.username", Email: "data.email", EmailVerified: "data.is_email_confirmed", Image: "data.photo"},
	}),
	plain("webex", "Webex", "#000000", "https://developer.webex.com/docs/login-with-webex", oauth.Config{
		AuthURL: "https://webexapis.com/v1/authorize", TokenURL: "https://webexapis.com/v1/access_token", UserInfoURL: "https://webexapis.com/v1/people/me",
		AuthStyle: inForm, Scopes: []string{"spark:kms", "spark:people_read"}, Fields: oauth.Fields{ID: "id", Name: "displayName", Email: "emails.0", Image: "avatar"},
	}),
	plain("weibo", "Weibo", "#e6162d", "https://open.weibo.com/apps", oauth.Config{
		AuthURL: "https://api.weibo.com/oauth2/authorize", TokenURL: "https://api.weibo.com/oauth2/access_token", UserInfoURL: "https://api.weibo.com/2/users/show.json?uid={uid}",
		AuthStyle: inForm, DisablePKCE: true, TokenInQuery: "access_token", Fields: oauth.Fields{ID: "idstr", Name: "screen_name", Image: "avatar_large"},
	}).says("Weibo knows no code challenge: state alone binds a sign-in to its browser."),
	plain("wikimedia", "Wikimedia", "#000000", "https://meta.wikimedia.org/wiki/Special:OAuthConsumerRegistration", oauth.Config{
		AuthURL: "https://meta.wikimedia.org/w/rest.php/oauth2/authorize", TokenURL: "https://meta.wikimedia.org/w/rest.php/oauth2/access_token", UserInfoURL: "https://meta.wikimedia.org/w/rest.php/oauth2/resource/profile",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "sub", Name: "username", Email: "email"},
	}),
	plain("wordpress", "WordPress.com", "#21759b", "https://developer.wordpress.com/docs/oauth2/", oauth.Config{
		AuthURL: "https://public-api.wordpress.com/oauth2/authorize", TokenURL: "https://public-api.wordpress.com/oauth2/token", UserInfoURL: "https://public-api.wordpress.com/rest/v1/me",
		AuthStyle: inForm, Scopes: []string{"auth"}, Fields: oauth.Fields{ID: "ID", Name: "display_name", Email: "email", Image: "avatar_URL"},
	}),
	plain("workos", "WorkOS", "#6363f1", "https://workos.com/docs/reference/sso", oauth.Config{
		AuthURL: "https://api.workos.com/sso/authorize", TokenURL: "https://api.workos.com/sso/token", UserInfoURL: "https://api.workos.com/sso/profile",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "first_name+last_name", Email: "email", Image: "raw_attributes.picture"},
	}).says("Each sign-in names a connection or an organization: put it into the sign-in's link, or into the authorization parameters."),
	plain("zoho", "Zoho", "#e42527", "https://api-console.zoho.com/", oauth.Config{
		AuthURL: "https://accounts.zoho.com/oauth/v2/auth", TokenURL: "https://accounts.zoho.com/oauth/v2/token", UserInfoURL: "https://accounts.zoho.com/oauth/user/info",
		AuthStyle: inForm, Scopes: []string{"AaaServer.profile.Read"}, ScopeSeparator: ",", Fields: oauth.Fields{ID: "ZUID", Name: "First_Name+Last_Name|Display_Name", Email: "Email"},
	}).in(optional(setting("url", "the data centre's address; default https://accounts.zoho.com", "https://accounts.zoho.eu"))).
		adapts(moved("https://accounts.zoho.com")),

	left("azure-devops", "Azure DevOps", "https://app.vsaex.visualstudio.com/", "Microsoft takes no new applications for its sign-in; use azureadv2"),
	left("bluesky", "Bluesky", "https://docs.bsky.app/docs/advanced-guides/oauth-client", "it has a server of each person's own, found by handle, with PAR and DPoP, which ginauth does not speak"),
	left("clerk", "Clerk", "https://clerk.com/docs", "no source but memory says how its answers look; use openid-connect with its issuer"),
	left("dingtalk", "DingTalk", "https://open.dingtalk.com/", "its answer calls the authorization code authCode, and its token answer has other members than OAuth 2.0 has"),
	left("epicgames", "Epic Games", "https://dev.epicgames.com/portal", "its profile is known from memory alone; use openid-connect with its issuer"),
	left("etsy", "Etsy", "https://www.etsy.com/developers/your-apps", "the person's ID stands inside the access token, by a rule that no document promises to keep"),
	left("identity-server4", "IdentityServer4", "https://identityserver4.readthedocs.io/", "its makers have ended it; use duende-identity-server6"),
	left("medium", "Medium", "https://medium.com/me/settings/security", "Medium gives out no new clients"),
	left("myanimelist", "MyAnimeList", "https://myanimelist.net/apiconfig", "it refuses the S256 code challenge, and the plain one protects from nobody who reads it"),
	left("osso", "Osso", "https://ossoapp.com/", "its makers have ended it; use boxyhq-saml"),
	left("passage", "Passage", "https://passage.1password.com/", "1Password has closed it"),
	left("qq", "QQ", "https://connect.qq.com/", "its profile takes three requests whose answers are not JSON by themselves"),
	left("stackexchange", "Stack Exchange", "https://stackapps.com/apps/oauth", "its profile request wants a key that is no part of OAuth 2.0"),
	left("telegram", "Telegram", "https://core.telegram.org/widgets/login", "its widget signs an answer that nothing binds to the browser which asked"),
	left("webflow", "Webflow", "https://webflow.com/dashboard", "no source but memory says how its answers look"),
}
