package providers_test

import (
	"golang.org/x/oauth2"
)

// plain is a fixture of a service that speaks plain OAuth 2.0.
func plain(authorize, token string, style oauth2.AuthStyle, scope, profileURL string, profile func(p person) any) fixture {
	return fixture{authorize: authorize, token: token, style: style, scope: scope, profiles: at(profileURL, profile)}
}

// in puts a profile into objects.
func in(names []string, profile func(p person) any) func(p person) any {
	return func(p person) any {
		v := profile(p)
		for i := len(names) - 1; i >= 0; i-- {
			v = obj{names[i]: v}
		}
		return v
	}
}

func (f fixture) without(fields string) fixture { f.lacks = fields; return f }
func (f fixture) at(values map[string]string) fixture {
	f.values = values
	return f
}
func (f fixture) noVerifier() fixture { f.noPKCE, f.noNonce = true, true; return f }

// The answers are those that the types and functions of @auth/core, better-auth,
// PocketBase and django-allauth read.
var fixturesNew = map[string]fixture{
	"42-school": plain("https://api.intra.42.fr/oauth/authorize", "https://api.intra.42.fr/oauth/token", inForm, "public", "https://api.intra.42.fr/v2/me", func(p person) any {
		return obj{"id": p.number(), "email": p.Email, "login": "login", "usual_full_name": p.Name, "image": obj{"link": p.Image}}
	}),
	"anilist": plain("https://anilist.co/api/v2/oauth/authorize", "https://anilist.co/api/v2/oauth/token", inForm, "", "https://graphql.anilist.co", func(p person) any {
		return obj{"data": obj{"Viewer": obj{"id": p.number(), "name": p.Name, "avatar": obj{"large": p.Image}}}}
	}).without("email").noVerifier(),
	"asana": plain("https://app.asana.com/-/oauth_authorize", "https://app.asana.com/-/oauth_token", inForm, "", "https://app.asana.com/api/1.0/users/me", func(p person) any {
		return obj{"data": obj{"gid": p.ID, "name": p.Name, "email": p.Email, "photo": obj{"image_128x128": p.Image}}}
	}),
	"atlassian": plain("https://auth.atlassian.com/authorize", "https://auth.atlassian.com/oauth/token", inForm, "read:me", "https://api.atlassian.com/me",
		flat("account_id", "id", "name", "name", "email", "email", "email_verified", "verified", "picture", "image")),
	"boxyhq-saml": plain("https://sso.example.com/api/oauth/authorize", "https://sso.example.com/api/oauth/token", inForm, "", "https://sso.example.com/api/oauth/userinfo",
		flat("id", "id", "email", "email", "firstName", "first", "lastName", "last")).without("image").at(map[string]string{"issuer": "https://sso.example.com/"}),
	"bungie": func() fixture {
		f := plain("https://www.bungie.net/en/OAuth/Authorize", "https://www.bungie.net/platform/app/oauth/token/", inHeader, "", "https://www.bungie.net/platform/User/GetBungieAccount/4611/254/", func(p person) any {
			return obj{"Response": obj{"bungieNetUser": obj{"membershipId": p.ID, "displayName": p.Name, "profilePicturePath": "/img/" + p.ID + ".gif"}}}
		}).without("email").at(map[string]string{"api_key": "key"})
		f.answer = func(_ person, answer map[string]any) { answer["membership_id"] = "4611" }
		f.image = func(p person) string { return "https://www.bungie.net/img/" + p.ID + ".gif" }
		return f
	}(),
	"click-up": plain("https://app.clickup.com/api", "https://api.clickup.com/api/v2/oauth/token", inForm, "", "https://api.clickup.com/api/v2/user",
		in([]string{"user"}, flat("id", "number", "username", "name", "email", "email", "profilePicture", "image"))),
	"cloudflare": plain("https://dash.cloudflare.com/oauth2/auth", "https://dash.cloudflare.com/oauth2/token", inHeader, "user-details.read", "https://api.cloudflare.com/client/v4/user",
		in([]string{"result"}, flat("id", "id", "first_name", "first", "last_name", "last", "email", "email"))).without("image"),
	"coinbase": plain("https://login.coinbase.com/oauth2/auth", "https://login.coinbase.com/oauth2/token", inForm, "wallet:user:email wallet:user:read", "https://api.coinbase.com/v2/user",
		in([]string{"data"}, flat("id", "id", "name", "name", "email", "email", "avatar_url", "image"))),
	"concept2": plain("https://log.concept2.com/oauth/authorize", "https://log.concept2.com/oauth/access_token", inForm, "user:read", "https://log.concept2.com/api/users/me",
		in([]string{"data"}, flat("id", "number", "username", "name", "email", "email", "profile_image", "image"))),
	"dribbble": plain("https://dribbble.com/oauth/authorize", "https://dribbble.com/oauth/token", inForm, "public", "https://api.dribbble.com/v2/user",
		flat("id", "number", "name", "name", "email", "email", "avatar_url", "image")),
	"eventbrite": func() fixture {
		f := plain("https://www.eventbrite.com/oauth/authorize", "https://www.eventbrite.com/oauth/token", inForm, "user.profile", "https://www.eventbriteapi.com/v3/users/me/", func(p person) any {
			return obj{"id": p.ID, "name": p.Name, "image_id": "7" + p.ID, "emails": []obj{{"email": "other@example.com", "primary": false}, {"email": p.Email, "primary": true, "verified": p.Verified}}}
		})
		f.image = func(p person) string {
			return "https://img.evbuc.com/https%3A%2F%2Fcdn.evbuc.com%2Fimages%2F7" + p.ID + "%2F1%2Foriginal.jpg"
		}
		return f
	}(),
	"faceit": plain("https://accounts.faceit.com/accounts", "https://api.faceit.com/auth/v1/oauth/token", inHeader, "openid email profile", "https://api.faceit.com/auth/v1/resources/userinfo",
		flat("guid", "id", "name", "name", "email", "email", "picture", "image")),
	"figma": plain("https://www.figma.com/oauth", "https://api.figma.com/v1/oauth/token", inHeader, "current_user:read", "https://api.figma.com/v1/me",
		flat("id", "id", "handle", "name", "email", "email", "img_url", "image")),
	"foursquare": func() fixture {
		f := plain("https://foursquare.com/oauth2/authenticate", "https://foursquare.com/oauth2/access_token", inForm, "", "https://api.foursquare.com/v2/users/self", func(p person) any {
			return obj{"response": obj{"user": obj{
				"id": p.ID, "firstName": p.first(), "lastName": p.last(), "contact": obj{"email": p.Email},
				"photo": obj{"prefix": "https://photos.example/", "suffix": "/" + p.ID + ".jpg"},
			}}}
		})
		f.access = "query:oauth_token"
		f.image = func(p person) string { return "https://photos.example/original/" + p.ID + ".jpg" }
		return f
	}(),
	"freshbooks": plain("https://auth.freshbooks.com/service/auth/oauth/authorize", "https://api.freshbooks.com/auth/oauth/token", inForm, "", "https://api.freshbooks.com/auth/api/v1/users/me",
		in([]string{"response"}, flat("id", "number", "first_name", "first", "last_name", "last", "email", "email"))).without("image"),
	"gitee": func() fixture {
		f := plain("https://gitee.com/oauth/authorize", "https://gitee.com/oauth/token", inForm, "user_info emails", "https://gitee.com/api/v5/user",
			flat("id", "number", "login", "first", "name", "name", "avatar_url", "image"))
		f.profiles["https://gitee.com/api/v5/emails"] = func(p person) any {
			state := "unconfirmed"
			if p.Verified {
				state = "confirmed"
			}
			return []obj{{"email": "other@example.com", "state": "confirmed", "scope": []string{"committed"}}, {"email": p.Email, "state": state, "scope": []string{"primary", "notified"}}}
		}
		return f
	}(),
	"kick": plain("https://id.kick.com/oauth/authorize", "https://id.kick.com/oauth/token", inForm, "user:read", "https://api.kick.com/public/v1/users", func(p person) any {
		return obj{"data": []obj{{"user_id": p.number(), "name": p.Name, "email": p.Email, "profile_picture": p.Image}}}
	}),
	"lichess": plain("https://lichess.org/oauth", "https://lichess.org/api/token", inForm, "", "https://lichess.org/api/account", flat("id", "id", "username", "name")).without("email image"),
	"linear": plain("https://linear.app/oauth/authorize", "https://api.linear.app/oauth/token", inForm, "read", "https://api.linear.app/graphql", func(p person) any {
		return obj{"data": obj{"viewer": obj{"id": p.ID, "name": p.Name, "email": p.Email, "avatarUrl": p.Image, "active": true}}}
	}).noVerifier(),
	"mailchimp": func() fixture {
		f := plain("https://login.mailchimp.com/oauth2/authorize", "https://login.mailchimp.com/oauth2/token", inForm, "", "https://login.mailchimp.com/oauth2/metadata", func(p person) any {
			return obj{"dc": "us1", "accountname": p.Name, "login": obj{"login_id": p.number(), "email": p.Email, "avatar": p.Image}}
		})
		f.access = "scheme:OAuth"
		return f
	}(),
	"mattermost": plain("https://chat.example.com/oauth/authorize", "https://chat.example.com/oauth/access_token", inForm, "", "https://chat.example.com/api/v4/users/me",
		flat("id", "id", "username", "name", "email", "email")).without("image").at(map[string]string{"issuer": "https://chat.example.com"}),
	"miro": plain("https://miro.com/oauth/authorize", "https://api.miro.com/v1/oauth/token", inForm, "identity:read", "https://api.miro.com/v1/users/me", func(p person) any {
		state := "not_registered"
		if p.Verified {
			state = "registered"
		}
		return obj{"id": p.ID, "name": p.Name, "email": p.Email, "state": state, "picture": obj{"imageUrl": p.Image}}
	}),
	"monday": plain("https://auth.monday.com/oauth2/authorize", "https://auth.monday.com/oauth2/token", inForm, "me:read", "https://api.monday.com/v2", func(p person) any {
		return obj{"data": obj{"me": obj{"id": p.ID, "enabled": true, "name": p.Name, "email": p.Email, "is_verified": p.Verified, "photo_small": p.Image}}}
	}),
	"netlify": plain("https://app.netlify.com/authorize", "https://api.netlify.com/oauth/token", inForm, "", "https://api.netlify.com/api/v1/user",
		flat("id", "id", "full_name", "name", "email", "email", "avatar_url", "image")),
	"netsuite": plain("https://1234567-sb1.app.netsuite.com/app/login/oauth2/authorize.nl", "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token", inHeader, "restlets rest_webservices",
		"https://1234567-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl", flat("id", "number", "name", "name", "email", "email")).without("image").
		at(map[string]string{"account": "1234567-sb1", "userinfo": "https://1234567-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl"}),
	"notion": plain("https://api.notion.com/v1/oauth/authorize", "https://api.notion.com/v1/oauth/token", inHeader, "", "https://api.notion.com/v1/users/me", func(p person) any {
		return obj{"object": "user", "id": "bot-1", "bot": obj{"owner": obj{"type": "user", "user": obj{"id": p.ID, "name": p.Name, "avatar_url": p.Image, "person": obj{"email": p.Email}}}}}
	}),
	"openstreetmap": plain("https://www.openstreetmap.org/oauth2/authorize", "https://www.openstreetmap.org/oauth2/token", inForm, "read_prefs", "https://api.openstreetmap.org/api/0.6/user/details.json", func(p person) any {
		return obj{"user": obj{"id": p.number(), "display_name": p.Name, "img": obj{"href": p.Image}}}
	}).without("email"),
	"osu": plain("https://osu.ppy.sh/oauth/authorize", "https://osu.ppy.sh/oauth/token", inForm, "identify", "https://osu.ppy.sh/api/v2/me",
		flat("id", "number", "username", "name", "avatar_url", "image")).without("email"),
	"pinterest": plain("https://www.pinterest.com/oauth/", "https://api.pinterest.com/v5/oauth/token", inHeader, "user_accounts:read", "https://api.pinterest.com/v5/user_account",
		flat("id", "id", "username", "name", "profile_image", "image")).without("email"),
	"pipedrive": plain("https://oauth.pipedrive.com/oauth/authorize", "https://oauth.pipedrive.com/oauth/token", inHeader, "", "https://api.pipedrive.com/users/me",
		in([]string{"data"}, flat("id", "number", "name", "name", "email", "email", "icon_url", "image"))),
	"polar": plain("https://polar.sh/oauth2/authorize", "https://api.polar.sh/v1/oauth2/token", inForm, "openid profile email", "https://api.polar.sh/v1/oauth2/userinfo",
		flat("id", "id", "public_name", "name", "email", "email", "email_verified", "verified", "avatar_url", "image")),
	"railway": plain("https://backboard.railway.com/oauth/auth", "https://backboard.railway.com/oauth/token", inHeader, "openid email profile", "https://backboard.railway.com/oauth/me",
		flat("sub", "id", "name", "name", "email", "email", "picture", "image")),
	"snapchat": plain("https://accounts.snapchat.com/accounts/oauth2/auth", "https://accounts.snapchat.com/accounts/oauth2/token", inForm,
		"https://auth.snapchat.com/oauth2/api/user.external_id https://auth.snapchat.com/oauth2/api/user.display_name", "https://api.snapkit.com/v1/me",
		in([]string{"data", "me"}, flat("externalId", "id", "displayName", "name"))).without("email image"),
	"threads": plain("https://threads.net/oauth/authorize", "https://graph.threads.net/oauth/access_token", inForm, "threads_basic", "https://graph.threads.net/v1.0/me",
		flat("id", "id", "username", "name", "threads_profile_picture_url", "image")).without("email").noVerifier(),
	"todoist": plain("https://todoist.com/oauth/authorize", "https://todoist.com/oauth/access_token", inForm, "data:read", "https://api.todoist.com/sync/v9/sync",
		in([]string{"user"}, flat("id", "id", "full_name", "name", "email", "email", "avatar_big", "image"))),
	"trakt": plain("https://trakt.tv/oauth/authorize", "https://api.trakt.tv/oauth/token", inForm, "", "https://api.trakt.tv/users/settings", func(p person) any {
		return obj{"user": obj{"username": "user", "name": p.Name, "ids": obj{"slug": "slug", "uuid": p.ID}, "images": obj{"avatar": obj{"full": p.Image}}}}
	}).without("email"),
	"vercel": plain("https://vercel.com/oauth/authorize", "https://api.vercel.com/login/oauth/token", inForm, "openid email profile", "https://api.vercel.com/login/oauth/userinfo",
		flat("sub", "id", "name", "name", "email", "email", "email_verified", "verified", "picture", "image")),
	"wakatime": plain("https://wakatime.com/oauth/authorize", "https://wakatime.com/oauth/token", inForm, "email", "https://wakatime.com/api/v1/users/current",
		in([]string{"data"}, flat("id", "id", "display_name", "name", "email", "email", "is_email_confirmed", "verified", "photo", "image"))),
	"webex": plain("https://webexapis.com/v1/authorize", "https://webexapis.com/v1/access_token", inForm, "spark:kms spark:people_read", "https://webexapis.com/v1/people/me", func(p person) any {
		return obj{"id": p.ID, "emails": []string{p.Email}, "displayName": p.Name, "avatar": p.Image}
	}),
	"weibo": func() fixture {
		f := plain("https://api.weibo.com/oauth2/authorize", "https://api.weibo.com/oauth2/access_token", inForm, "", "https://api.weibo.com/2/users/show.json",
			flat("idstr", "id", "screen_name", "name", "avatar_large", "image")).without("email").noVerifier()
		f.access, f.asks = "query:access_token", "uid"
		f.answer = func(p person, answer map[string]any) { answer["uid"] = "77" }
		return f
	}(),
	"wikimedia": plain("https://meta.wikimedia.org/w/rest.php/oauth2/authorize", "https://meta.wikimedia.org/w/rest.php/oauth2/access_token", inForm, "", "https://meta.wikimedia.org/w/rest.php/oauth2/resource/profile",
		flat("sub", "number", "username", "name", "email", "email")).without("image"),
	"wordpress": plain("https://public-api.wordpress.com/oauth2/authorize", "https://public-api.wordpress.com/oauth2/token", inForm, "auth", "https://public-api.wordpress.com/rest/v1/me",
		flat("ID", "number", "display_name", "name", "email", "email", "avatar_URL", "image")),
	"workos": plain("https://api.workos.com/sso/authorize", "https://api.workos.com/sso/token", inForm, "", "https://api.workos.com/sso/profile", func(p person) any {
		return obj{"id": p.ID, "first_name": p.first(), "last_name": p.last(), "email": p.Email, "raw_attributes": obj{"picture": p.Image}}
	}),
	"zoho": plain("https://accounts.zoho.com/oauth/v2/auth", "https://accounts.zoho.com/oauth/v2/token", inForm, "AaaServer.profile.Read", "https://accounts.zoho.com/oauth/user/info",
		flat("ZUID", "number", "First_Name", "first", "Last_Name", "last", "Email", "email")).without("image"),

	"feishu": lark("https://accounts.feishu.cn", "https://open.feishu.cn"),
	"lark":   lark("https://accounts.larksuite.com", "https://open.larksuite.com"),
	"instagram": plain("https://www.instagram.com/oauth/authorize", "https://api.instagram.com/oauth/access_token", inForm, "instagram_business_basic", "https://graph.instagram.com/me",
		flat("user_id", "id", "username", "first", "name", "name", "profile_picture_url", "image")).without("email"),
	"tiktok": plain("https://www.tiktok.com/v2/auth/authorize/", "https://open.tiktokapis.com/v2/oauth/token/", inForm, "user.info.basic", "https://open.tiktokapis.com/v2/user/info/", func(p person) any {
		return obj{"data": obj{"user": obj{"open_id": p.ID, "union_id": "union", "display_name": p.Name, "avatar_url": p.Image}}, "error": obj{"code": "ok"}}
	}).without("email").with(func(f *fixture) { f.client, f.asks = "client_key", "fields" }),
	"wechat": plain("https://open.weixin.qq.com/connect/qrconnect", "https://api.weixin.qq.com/sns/oauth2/access_token", inForm, "snsapi_login", "https://api.weixin.qq.com/sns/userinfo", func(p person) any {
		return obj{"openid": "open-" + p.ID, "unionid": p.ID, "nickname": p.Name, "headimgurl": p.Image}
	}).without("email").noVerifier().with(func(f *fixture) {
		f.client, f.secretName, f.get, f.access, f.asks, f.text = "appid", "secret", true, "query:access_token", "openid", true
		f.answer = func(p person, answer map[string]any) { answer["openid"] = "open-1" }
		f.profiles = at("https://api.weixin.qq.com/sns/userinfo", func(p person) any {
			profile := obj{"openid": "open-" + p.ID, "unionid": p.ID, "nickname": p.Name, "headimgurl": p.Image}
			if p.ID == "" {
				delete(profile, "openid")
			}
			return profile
		})
	}),

	"asgardeo":       openID("https://api.asgardeo.io/t/example/oauth2/token", "https://api.asgardeo.io/t/example/oauth2", map[string]string{"issuer": "https://api.asgardeo.io/t/example"}),
	"azure-ad":       entra,
	"azure-ad-b2c":   b2c,
	"bankid-no":      openID("https://auth.bankid.no/auth/realms/prod", "https://auth.bankid.no/auth/realms/prod/protocol/openid-connect", nil).with(func(f *fixture) { f.scope = "openid profile" }),
	"beyondidentity": ours("https://auth.example.com/beyond"),
	"descope":        ours("https://api.descope.com/P2abcdefghijklmnop"), "duende-identity-server6": ours("https://identity.example.com"), "duende-identityserver6": ours("https://identity.example.com"),
	"frontegg": ours("https://app-0123.frontegg.com").with(func(f *fixture) {
		f.document = "https://app-0123.frontegg.com/oauth/.well-known/openid-configuration"
	}),
	"fusionauth":  ours("https://example.fusionauth.io"),
	"globus":      openID("https://auth.globus.org", "https://auth.globus.org/v2/oauth2", nil),
	"huggingface": openID("https://huggingface.co", "https://huggingface.co/oauth", nil),
	"hydra":       ours("https://example.projects.oryapis.com"),
	"intuit":      openID("https://oauth.platform.intuit.com/op/v1", "https://oauth.platform.intuit.com/oauth2/v1", nil),
	"kinde":       ours("https://example.kinde.com"),
	"logto":       ours("https://example.logto.app/oidc").with(func(f *fixture) { f.scope = "openid offline_access profile email" }), "microsoft-entra-id": entra,
	"onelogin":  openID("https://example.onelogin.com/oidc/2", "https://example.onelogin.com/oidc/2", map[string]string{"issuer": "https://example.onelogin.com"}),
	"orcid":     openID("https://orcid.org", "https://orcid.org/oauth", nil).with(func(f *fixture) { f.scope = "openid" }),
	"ory-hydra": ours("https://example.projects.oryapis.com"), "ping-id": ours("https://auth.pingone.com/" + directory + "/as"),
	"roblox": openID("https://apis.roblox.com/oauth/", "https://apis.roblox.com/oauth/v1", nil).with(func(f *fixture) { f.scope = "openid profile" }),
	"simplelogin": openID("https://app.simplelogin.io", "https://app.simplelogin.io/oauth2", nil).with(func(f *fixture) {
		claims := f.claims
		f.claims = func(p person) map[string]any {
			c := claims(p)
			c["avatar_url"] = c["picture"]
			delete(c, "picture")
			return c
		}
		f.profiles = at("https://app.simplelogin.io/oauth2/userinfo", func(p person) any { return f.claims(p) })
	}),
	"united-effects": ours("https://auth.unitedeffects.com/example"),
	"vipps": openID("https://api.vipps.no/access-management-1.0/access/", "https://api.vipps.no/access-management-1.0/access/oauth2", nil).
		with(func(f *fixture) { f.scope = "openid name email" }),
}

// ours is an OpenID provider by its issuer alone.
func ours(issuer string) fixture {
	return openID(issuer, issuer+"/endpoints", map[string]string{"issuer": issuer})
}

// b2c has its document below the user flow's address, and another issuer in it.
var b2c = openID("https://example.b2clogin.com/"+directory+"/v2.0/", "https://example.b2clogin.com/example.onmicrosoft.com/b2c_1_signin/oauth2/v2.0",
	map[string]string{"issuer": "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0"}).with(func(f *fixture) {
	f.document = "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration"
	f.scope, f.lacks, f.noProfile, f.tokenTells = "openid offline_access", "image", true, true
	f.claims = func(p person) map[string]any {
		return obj{"sub": p.ID, "name": p.Name, "emails": []string{p.Email}, "tfp": "B2C_1_signin"}
	}
})

// lark takes its token request as JSON.
func lark(accounts, open string) fixture {
	return plain(accounts+"/open-apis/authen/v1/authorize", open+"/open-apis/authen/v2/oauth/token", inForm, "", open+"/open-apis/authen/v1/user_info", func(p person) any {
		return obj{"code": 0, "data": obj{"union_id": p.ID, "open_id": "open", "name": p.Name, "email": p.Email, "avatar_url": p.Image}}
	}).with(func(f *fixture) { f.json = true })
}
