package corrected

import (
	"net/url"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oauth"
)

const (
	inForm   = oauth2.AuthStyleInParams
	inHeader = oauth2.AuthStyleInHeader
)

// services are the facts, by goth's folder. Each comment says what goth has
// instead.
var services = map[string]oauth.Config{
	// A regional host that refuses.
	"battlenet": {
		AuthURL: "https://oauth.battle.net/authorize", TokenURL: "https://oauth.battle.net/token", UserInfoURL: "https://oauth.battle.net/userinfo",
		AuthStyle: inHeader, Fields: oauth.Fields{ID: "id", Name: "battletag|battle_tag"},
	},
	// Nobody without a confirmed primary address.
	"bitbucket": {
		AuthURL: "https://bitbucket.org/site/oauth2/authorize", TokenURL: "https://bitbucket.org/site/oauth2/access_token", UserInfoURL: "https://api.bitbucket.org/2.0/user",
		AuthStyle: inForm, Scopes: []string{"account", "email"},
		Fields: oauth.Fields{ID: "uuid", Name: "display_name|username", NickName: "username", Image: "links.avatar.href"},
		Emails: oauth.Emails{URL: "https://api.bitbucket.org/2.0/user/emails", List: "values", Email: "email", Primary: "is_primary", Verified: "is_confirmed"},
	},
	// Former endpoints, and no picture.
	"box": {
		AuthURL: "https://account.box.com/api/oauth2/authorize", TokenURL: "https://api.box.com/oauth2/token", UserInfoURL: "https://api.box.com/2.0/users/me",
		AuthStyle: inForm, Fields: oauth.Fields{ID: "id", Name: "name", Email: "login", Image: "avatar_url"},
	},
	// A former token endpoint, and a profile without its fields.
	"dailymotion": {
		AuthURL: "https://www.dailymotion.com/oauth/authorize", TokenURL: "https://api.dailymotion.com/oauth/token",
		UserInfoURL: "https://api.dailymotion.com/me?fields=id,username,screenname,fullname,email,avatar_720_url",
		AuthStyle:   inForm, Scopes: []string{"email"},
		Fields: oauth.Fields{ID: "id", Name: "fullname|screenname|username", NickName: "username", Email: "email", Image: "avatar_720_url"},
	},
	// The parameter scope, which Deezer calls perms.
	"deezer": {
		AuthURL: "https://connect.deezer.com/oauth/auth.php", TokenURL: "https://connect.deezer.com/oauth/access_token.php?output=json", UserInfoURL: "https://api.deezer.com/user/me",
		AuthStyle: inForm, Scopes: []string{"basic_access", "email"}, ScopeSeparator: ",", ParamNames: map[string]string{"scope": "perms"},
		TokenInQuery: "access_token", Fields: oauth.Fields{ID: "id", Name: "firstname+lastname|name", NickName: "name", Email: "email", Image: "picture"},
	},
	// The user name, and no picture for a person without an avatar.
	"discord": {
		AuthURL: "https://discord.com/api/oauth2/authorize", TokenURL: "https://discord.com/api/oauth2/token", UserInfoURL: "https://discord.com/api/users/@me",
		AuthStyle: inForm, Scopes: []string{"identify", "email"}, Profile: discordProfile,
	},
	// The first version of the service, whose profile endpoint is gone.
	"eveonline": {
		AuthURL: "https://login.eveonline.com/v2/oauth/authorize", TokenURL: "https://login.eveonline.com/v2/oauth/token",
		AuthStyle: inHeader, Scopes: []string{"publicData"}, Profile: eveProfile,
	},
	// The first version of the service, which ends, and an access token in a URL.
	"hubspot": {
		AuthURL: "https://app.hubspot.com/oauth/authorize", TokenURL: "https://api.hubapi.com/oauth/2026-03/token",
		UserInfoURL:  "https://api.hubapi.com/oauth/2026-03/token/introspect",
		UserInfoForm: url.Values{"client_id": {"{client_id}"}, "client_secret": {"{client_secret}"}, "token": {"{access_token}"}, "token_type_hint": {"access_token"}},
		AuthStyle:    inForm, Scopes: []string{"oauth"},
		Fields: oauth.Fields{ID: "user_id", Email: "user", Active: "active"},
	},
	// No address at all.
	"kakao": {
		AuthURL: "https://kauth.kakao.com/oauth/authorize", TokenURL: "https://kauth.kakao.com/oauth/token", UserInfoURL: "https://kapi.kakao.com/v2/user/me",
		AuthStyle: inForm,
		Fields: oauth.Fields{
			ID: "id", Name: "kakao_account.profile.nickname|properties.nickname", Email: "kakao_account.email",
			EmailVerified: "kakao_account.is_email_valid&kakao_account.is_email_verified",
			Image:         "kakao_account.profile.profile_image_url|properties.profile_image",
		},
	},
	// A former profile endpoint, with a subject of another name.
	"oura": {
		AuthURL: "https://cloud.ouraring.com/oauth/authorize", TokenURL: "https://api.ouraring.com/oauth/token", UserInfoURL: "https://api.ouraring.com/v2/usercollection/personal_info",
		AuthStyle: inForm, Scopes: []string{"personal", "email"}, Fields: oauth.Fields{ID: "id", Email: "email"},
	},
	// No flag beside the address.
	"patreon": {
		AuthURL: "https://www.patreon.com/oauth2/authorize", TokenURL: "https://www.patreon.com/api/oauth2/token",
		UserInfoURL: "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=email,full_name,image_url,is_email_verified,vanity",
		AuthStyle:   inForm, Scopes: []string{"identity", "identity[email]"},
		Fields: oauth.Fields{
			ID: "data.id", Name: "data.attributes.full_name", NickName: "data.attributes.vanity", Email: "data.attributes.email",
			EmailVerified: "data.attributes.is_email_verified", Image: "data.attributes.image_url",
		},
	},
	// The endpoints of 2013, and an address that is now in a list.
	"paypal": {
		AuthURL: "https://www.paypal.com/signin/authorize", TokenURL: "https://api-m.paypal.com/v1/oauth2/token",
		UserInfoURL: "https://api-m.paypal.com/v1/identity/oauth2/userinfo?schema=paypalv1.1",
		AuthStyle:   inHeader, Scopes: []string{"openid", "profile", "email"},
		Fields: oauth.Fields{ID: "user_id", Name: "name|given_name+family_name", Email: "email", Image: "picture"},
		Emails: oauth.Emails{List: "emails", Email: "value", Primary: "primary"},
	},
	// A profile at the address that the token answer names, no picture and no flag.
	"salesforce": {
		AuthURL: "https://login.salesforce.com/services/oauth2/authorize", TokenURL: "https://login.salesforce.com/services/oauth2/token",
		UserInfoURL: "https://login.salesforce.com/services/oauth2/userinfo",
		AuthStyle:   inForm, Scopes: []string{"openid", "profile", "email"},
		Fields: oauth.Fields{ID: "user_id", Name: "name", NickName: "nickname", Email: "email", EmailVerified: "email_verified", Image: "photos.picture|photos.thumbnail|picture"},
	},
	// Endpoints that are deprecated, an access token in a URL, and a number for a subject.
	"soundcloud": {
		AuthURL: "https://secure.soundcloud.com/authorize", TokenURL: "https://secure.soundcloud.com/oauth/token", UserInfoURL: "https://api.soundcloud.com/me",
		AuthStyle: inForm, TokenScheme: "OAuth", Fields: oauth.Fields{ID: "urn", Name: "full_name|username", NickName: "username", Image: "avatar_url"},
	},
	// A panic where the token answer lacks the account.
	"stripe": {
		AuthURL: "https://connect.stripe.com/oauth/authorize", TokenURL: "https://connect.stripe.com/oauth/token", UserInfoURL: "https://api.stripe.com/v1/account",
		AuthStyle: inForm, Fields: oauth.Fields{
			ID: "id", Name: "business_profile.name|settings.dashboard.display_name|display_name", Email: "email", Image: "business_logo",
		},
	},
	// The login for a name.
	"twitch": {
		AuthURL: "https://id.twitch.tv/oauth2/authorize", TokenURL: "https://id.twitch.tv/oauth2/token", UserInfoURL: "https://api.twitch.tv/helix/users",
		UserInfoHeader: map[string]string{"Client-Id": "{client_id}"}, AuthStyle: inForm, Scopes: []string{"user:read:email"},
		Fields: oauth.Fields{ID: "data.0.id", Name: "data.0.display_name|data.0.login", NickName: "data.0.login", Email: "data.0.email", Image: "data.0.profile_image_url"},
	},
	// Former endpoints, and a subject that the profile lacks.
	"uber": {
		AuthURL: "https://auth.uber.com/oauth/v2/authorize", TokenURL: "https://auth.uber.com/oauth/v2/token", UserInfoURL: "https://api.uber.com/v3/me",
		AuthStyle: inForm, Scopes: []string{"profile"}, Fields: oauth.Fields{ID: "sub", Name: "given_name+family_name", Email: "email", Image: "picture"},
	},
	// The former service, which refuses a code verifier.
	"vk": {
		AuthURL: "https://id.vk.ru/authorize", TokenURL: "https://id.vk.ru/oauth2/auth", UserInfoURL: "https://id.vk.ru/oauth2/user_info",
		UserInfoForm: url.Values{"access_token": {"{access_token}"}, "client_id": {"{client_id}"}},
		AuthStyle:    inForm, Scopes: []string{"email"}, CallbackParams: []string{"device_id"},
		Fields: oauth.Fields{ID: "user.user_id", Name: "user.first_name+user.last_name", Email: "user.email", Image: "user.avatar"},
	},
	// No flag beside the address.
	"yahoo": {
		AuthURL: "https://api.login.yahoo.com/oauth2/request_auth", TokenURL: "https://api.login.yahoo.com/oauth2/get_token", UserInfoURL: "https://api.login.yahoo.com/openid/v1/userinfo",
		AuthStyle: inHeader, Scopes: []string{"openid", "profile", "email"},
		Fields: oauth.Fields{ID: "sub", Name: "name", NickName: "nickname", Email: "email", EmailVerified: "email_verified", Image: "picture"},
	},
	// A placeholder for the picture of a person who has none.
	"yandex": {
		AuthURL: "https://oauth.yandex.ru/authorize", TokenURL: "https://oauth.yandex.com/token", UserInfoURL: "https://login.yandex.ru/info",
		AuthStyle: inForm, TokenScheme: "OAuth", Scopes: []string{"login:email", "login:info", "login:avatar"}, Profile: yandexProfile,
	},
	// A former profile endpoint, and no flag beside the address.
	"zoom": {
		AuthURL: "https://zoom.us/oauth/authorize", TokenURL: "https://zoom.us/oauth/token", UserInfoURL: "https://api.zoom.us/v2/users/me",
		AuthStyle: inHeader, Fields: oauth.Fields{ID: "id", Name: "first_name+last_name|display_name", Email: "email", EmailVerified: "verified=1", Image: "pic_url"},
	},
}
