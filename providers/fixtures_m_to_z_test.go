package providers_test

var fixturesMToZ = map[string]fixture{
	"mailru": {
		authorize: "https://oauth.mail.ru/login", token: "https://oauth.mail.ru/token", style: inForm,
		scope: "userinfo", access: "query:access_token",
		profiles: at("https://oauth.mail.ru/userinfo", flat("id", "id", "name", "name", "email", "email", "image", "image")),
	},
	"mastodon": {
		authorize: "https://mastodon.example/oauth/authorize", token: "https://mastodon.example/oauth/token", style: inForm,
		scope: "read:accounts", values: map[string]string{"url": "https://mastodon.example"}, lacks: "email",
		profiles: at("https://mastodon.example/api/v1/accounts/verify_credentials", flat("id", "id", "display_name", "name", "avatar", "image")),
	},
	"microsoftonline": entra,
	"naver": {
		authorize: "https://nid.naver.com/oauth2.0/authorize", token: "https://nid.naver.com/oauth2.0/token", style: inForm,
		profiles: at("https://openapi.naver.com/v1/nid/me", func(p person) any {
			return obj{"response": obj{"id": p.ID, "name": p.Name, "email": p.Email, "profile_image": p.Image}}
		}),
	},
	"nextcloud": {
		authorize: "https://cloud.example.com/apps/oauth2/authorize", token: "https://cloud.example.com/apps/oauth2/api/v1/token", style: inForm,
		values: map[string]string{"url": "https://cloud.example.com/"}, lacks: "image",
		profiles: at("https://cloud.example.com/ocs/v2.php/cloud/user", func(p person) any {
			return obj{"ocs": obj{"data": obj{"id": p.ID, "display-name": p.Name, "email": p.Email}}}
		}),
	},
	"okta": openID("https://example.okta.com/oauth2/default", "https://example.okta.com/oauth2/default/v1",
		map[string]string{"issuer": "https://example.okta.com/oauth2/default"}),
	"openid-connect": openID("https://login.example.com", "https://login.example.com/oidc", map[string]string{"issuer": "https://login.example.com"}),
	"oura": {
		authorize: "https://cloud.ouraring.com/oauth/authorize", token: "https://api.ouraring.com/oauth/token", style: inForm,
		scope: "personal email", lacks: "name image",
		profiles: at("https://api.ouraring.com/v2/usercollection/personal_info", flat("id", "id", "email", "email", "height", "height")),
	},
	"patreon": {
		authorize: "https://www.patreon.com/oauth2/authorize", token: "https://www.patreon.com/api/oauth2/token", style: inForm,
		scope: "identity identity[email]",
		profiles: at("https://www.patreon.com/api/oauth2/v2/identity", func(p person) any {
			return obj{"data": obj{"id": p.ID, "attributes": obj{"full_name": p.Name, "email": p.Email, "is_email_verified": p.Verified, "image_url": p.Image}}}
		}),
	},
	"paypal": {
		authorize: "https://www.paypal.com/signin/authorize", token: "https://api-m.paypal.com/v1/oauth2/token", style: inHeader,
		scope: "openid profile email", lacks: "image",
		profiles: at("https://api-m.paypal.com/v1/identity/oauth2/userinfo", func(p person) any {
			return obj{"user_id": p.ID, "name": p.Name, "emails": []obj{{"value": "other@example.com"}, {"value": p.Email, "primary": true}}}
		}),
	},
	"reddit": {
		authorize: "https://www.reddit.com/api/v1/authorize", token: "https://www.reddit.com/api/v1/access_token", style: inHeader,
		scope: "identity", lacks: "email",
		profiles: at("https://oauth.reddit.com/api/v1/me", flat("id", "id", "name", "name", "icon_img", "image")),
	},
	"salesforce": {
		authorize: "https://login.salesforce.com/services/oauth2/authorize", token: "https://login.salesforce.com/services/oauth2/token", style: inForm,
		scope: "openid profile email",
		profiles: at("https://login.salesforce.com/services/oauth2/userinfo", func(p person) any {
			return obj{"user_id": p.ID, "name": p.Name, "email": p.Email, "email_verified": p.Verified, "photos": obj{"picture": p.Image}}
		}),
	},
	"slack": openID("https://slack.com", "https://slack.com/openid/connect", nil).with(func(f *fixture) { f.noPKCE = true }),
	"soundcloud": {
		authorize: "https://secure.soundcloud.com/authorize", token: "https://secure.soundcloud.com/oauth/token", style: inForm,
		access: "scheme:OAuth", lacks: "email",
		profiles: at("https://api.soundcloud.com/me", flat("urn", "id", "full_name", "name", "avatar_url", "image")),
	},
	"spotify": {
		authorize: "https://accounts.spotify.com/authorize", token: "https://accounts.spotify.com/api/token", style: inHeader,
		scope: "user-read-email user-read-private",
		profiles: at("https://api.spotify.com/v1/me", func(p person) any {
			return obj{"id": p.ID, "display_name": p.Name, "email": p.Email, "images": []obj{{"url": p.Image}}}
		}),
	},
	"strava": {
		authorize: "https://www.strava.com/oauth/authorize", token: "https://www.strava.com/oauth/token", style: inForm,
		scope: "read", lacks: "email",
		profiles: at("https://www.strava.com/api/v3/athlete", flat("id", "number", "firstname", "first", "lastname", "last", "profile", "image")),
	},
	"stripe": {
		authorize: "https://connect.stripe.com/oauth/authorize", token: "https://connect.stripe.com/oauth/token", style: inForm,
		answer: func(_ person, answer map[string]any) { answer["stripe_user_id"] = "acct_1" },
		lacks:  "image",
		profiles: at("https://api.stripe.com/v1/account", func(p person) any {
			return obj{"id": p.ID, "business_profile": obj{"name": p.Name}, "email": p.Email}
		}),
	},
	"tumblr": {
		authorize: "https://www.tumblr.com/oauth2/authorize", token: "https://api.tumblr.com/v2/oauth2/token", style: inForm,
		scope: "basic", lacks: "email image",
		profiles: at("https://api.tumblr.com/v2/user/info", func(p person) any {
			return obj{"response": obj{"user": obj{"name": p.Name, "blogs": []obj{
				{"uuid": "shared", "primary": false}, {"uuid": p.ID, "primary": true},
			}}}}
		}),
	},
	"twitch": {
		authorize: "https://id.twitch.tv/oauth2/authorize", token: "https://id.twitch.tv/oauth2/token", style: inForm,
		scope: "user:read:email",
		profiles: at("https://api.twitch.tv/helix/users", func(p person) any {
			return obj{"data": []obj{{"id": p.ID, "login": "login", "display_name": p.Name, "email": p.Email, "profile_image_url": p.Image}}}
		}),
	},
	"twitter": {
		authorize: "https://x.com/i/oauth2/authorize", token: "https://api.x.com/2/oauth2/token", style: inHeader,
		scope: "users.read tweet.read", lacks: "email",
		profiles: at("https://api.x.com/2/users/me", func(p person) any {
			return obj{"data": obj{"id": p.ID, "name": p.Name, "profile_image_url": p.Image}}
		}),
	},
	"uber": {
		authorize: "https://auth.uber.com/oauth/v2/authorize", token: "https://auth.uber.com/oauth/v2/token", style: inForm,
		scope:    "profile",
		profiles: at("https://api.uber.com/v3/me", flat("sub", "id", "given_name", "first", "family_name", "last", "email", "email", "picture", "image")),
	},
	"vk": {
		authorize: "https://id.vk.ru/authorize", token: "https://id.vk.ru/oauth2/auth", style: inForm,
		scope: "email", access: "form:access_token", echoes: "device_id",
		profiles: at("https://id.vk.ru/oauth2/user_info", func(p person) any {
			return obj{"user": obj{"user_id": p.ID, "first_name": p.first(), "last_name": p.last(), "email": p.Email, "avatar": p.Image}}
		}),
	},
	// Xero has no claim about the address.
	"xero": openID("https://identity.xero.com", "https://identity.xero.com/connect", nil).with(func(f *fixture) {
		claims := f.claims
		f.claims = func(p person) map[string]any {
			c := claims(p)
			delete(c, "email_verified")
			return c
		}
		f.profiles = at("https://identity.xero.com/connect/userinfo", func(p person) any { return f.claims(p) })
	}),
	"yahoo": {
		authorize: "https://api.login.yahoo.com/oauth2/request_auth", token: "https://api.login.yahoo.com/oauth2/get_token", style: inHeader,
		scope:    "openid profile email",
		profiles: at("https://api.login.yahoo.com/openid/v1/userinfo", flat("sub", "id", "name", "name", "email", "email", "picture", "image", "email_verified", "verified")),
	},
	"yandex": {
		authorize: "https://oauth.yandex.ru/authorize", token: "https://oauth.yandex.com/token", style: inForm,
		scope: "login:email login:info login:avatar", access: "scheme:OAuth",
		image: func(person) string { return "https://avatars.yandex.net/get-yapic/7/islands-200" },
		profiles: at("https://login.yandex.ru/info", func(p person) any {
			return obj{"id": p.ID, "real_name": p.Name, "default_email": p.Email, "default_avatar_id": "7"}
		}),
	},
	"zitadel": openID("https://example.zitadel.cloud", "https://example.zitadel.cloud/oauth/v2", map[string]string{"issuer": "https://example.zitadel.cloud"}),
	"zoom": {
		authorize: "https://zoom.us/oauth/authorize", token: "https://zoom.us/oauth/token", style: inHeader,
		profiles: at("https://api.zoom.us/v2/users/me", flat("verified", "one", "id", "id", "first_name", "first", "last_name", "last", "email", "email", "pic_url", "image")),
	},
}
