package providers

import (
	"net/url"
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oidc"
)

// openID is a row of an OpenID provider of which oidc knows no preset.
func openID(id, name, color, docs string, facts oidc.Config) row {
	return row{Service: service.Service{ID: id, Name: name, Kind: service.OIDC, Engine: service.Preset, Color: color, Docs: docs}, openID: facts}
}

// at is an OpenID provider of the application's own, by its issuer.
func at(id, name, color, docs string, example string) row {
	return openID(id, name, color, docs, oidc.Config{Issuer: "{issuer}"}).in(setting("issuer", "the issuer, character by character as its discovery document has it", example))
}

// openIDRows are the services of NextAuth.js, Auth.js and others that are OpenID
// providers. Their endpoints come from their discovery documents.
var openIDRows = []row{
	openID("asgardeo", "Asgardeo", "#ff7300", "https://console.asgardeo.io/", oidc.Config{Issuer: "{issuer}/oauth2/token", Claims: oidc.Claims{Name: "name|given_name+family_name"}}).
		in(setting("issuer", "the organization's address, without /oauth2/token", "https://api.asgardeo.io/t/example")),
	withEntra("azure-ad", "Microsoft Entra ID"),
	azureB2C,
	openID("bankid-no", "BankID Norge", "#39134c", "https://confluence.bankidnorge.no/confluence/pdoidcl", oidc.Config{
		Issuer: "https://auth.bankid.no/auth/realms/prod", Scopes: []string{"openid", "profile"},
		AuthParams: map[string][]string{"ui_locales": {"no"}, "login_hint": {"BIS"}},
	}),
	at("beyondidentity", "Beyond Identity", "#5077c5", "https://developer.beyondidentity.com/", "https://auth-us.beyondidentity.com/v1/tenants/0123/realms/0123/applications/0123"),
	openID("descope", "Descope", "#1c1c23", "https://app.descope.com/", oidc.Config{Issuer: "{issuer}"}).
		in(setting("issuer", "the project's issuer", "https://api.descope.com/P2abcdefghijklmnop")),
	at("duende-identity-server6", "Duende IdentityServer", "#4a154b", "https://docs.duendesoftware.com/identityserver/v6", "https://identity.example.com"),
	at("duende-identityserver6", "Duende IdentityServer", "#4a154b", "https://docs.duendesoftware.com/identityserver/v6", "https://identity.example.com").
		says("NextAuth.js 4 calls duende-identity-server6 so: for accounts that it made."),
	openID("frontegg", "Frontegg", "#43bb7a", "https://portal.frontegg.com/", oidc.Config{
		Issuer: "{issuer}", DiscoveryURL: "{issuer}/oauth/.well-known/openid-configuration",
		Claims: oidc.Claims{Image: "picture|profilePictureUrl"},
	}).in(setting("issuer", "the environment's address", "https://app-0123.frontegg.com")),
	fusionAuth,
	openID("globus", "Globus", "#ca6201", "https://app.globus.org/settings/developers", oidc.Config{Issuer: "https://auth.globus.org"}),
	openID("huggingface", "Hugging Face", "#ffd21e", "https://huggingface.co/settings/applications/new", oidc.Config{
		Issuer: "https://huggingface.co", Claims: oidc.Claims{Name: "name|preferred_username"},
	}),
	at("hydra", "Ory Hydra", "#4f46e5", "https://www.ory.sh/docs/hydra/5min-tutorial", "https://example.projects.oryapis.com").
		says("Auth.js calls ory-hydra so: for accounts that it made."),
	openID("intuit", "Intuit QuickBooks", "#236cff", "https://developer.intuit.com/app/developer/appdetail", oidc.Config{
		Issuer: "https://oauth.platform.intuit.com/op/v1", Claims: oidc.Claims{Name: "givenName+familyName|name"},
	}),
	openID("kinde", "Kinde", "#0f0f0f", "https://docs.kinde.com/", oidc.Config{Issuer: "{issuer}"}).
		in(setting("issuer", "the account's address", "https://example.kinde.com", "domain")),
	openID("logto", "Logto", "#5d34f2", "https://docs.logto.io/integrate-logto/integrate-logto-into-your-application", oidc.Config{
		Issuer: "{issuer}", Scopes: []string{"openid", "offline_access", "profile", "email"}, Claims: oidc.Claims{Name: "name|username"},
	}).in(setting("issuer", "the tenant's issuer", "https://example.logto.app/oidc")),
	withEntra("microsoft-entra-id", "Microsoft Entra ID"),
	openID("onelogin", "OneLogin", "#0b65c6", "https://onelogin.com/", oidc.Config{Issuer: "{issuer}/oidc/2"}).
		in(setting("issuer", "the account's address, without /oidc/2", "https://example.onelogin.com")),
	openID("orcid", "ORCID", "#a6ce39", "https://orcid.org/developer-tools", oidc.Config{
		Issuer: "https://orcid.org", Scopes: []string{"openid"}, Claims: oidc.Claims{Name: "name|given_name+family_name"},
	}),
	at("ory-hydra", "Ory Hydra", "#4f46e5", "https://www.ory.sh/docs/hydra/5min-tutorial", "https://example.projects.oryapis.com"),
	at("ping-id", "Ping Identity", "#b3282d", "https://docs.pingidentity.com/r/en-us/pingone/p1_add_app_worker", "https://auth.pingone.com/9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c/as"),
	openID("roblox", "Roblox", "#000000", "https://create.roblox.com/dashboard/credentials", oidc.Config{
		Issuer: "https://apis.roblox.com/oauth/", Scopes: []string{"openid", "profile"}, Claims: oidc.Claims{Name: "name|nickname|preferred_username"},
	}),
	openID("simplelogin", "SimpleLogin", "#ea319f", "https://app.simplelogin.io/developer", oidc.Config{
		Issuer: "https://app.simplelogin.io", Claims: oidc.Claims{Image: "picture|avatar_url"},
	}),
	openID("united-effects", "United Effects", "#0092d1", "https://docs.unitedeffects.com/integrations/nextauthjs", oidc.Config{
		Issuer: "{issuer}", AuthParams: map[string][]string{"resource": {"{issuer}"}},
	}).in(setting("issuer", "the authentication group's issuer", "https://auth.unitedeffects.com/example")),
	openID("vipps", "Vipps", "#f05c18", "https://developer.vippsmobilepay.com/docs/APIs/login-api/api-guide", oidc.Config{
		Issuer: "https://api.vipps.no/access-management-1.0/access/", Scopes: []string{"openid", "name", "email"},
	}),
}

// azureB2C has a user flow for a place, by its address or by two names.
var azureB2C = row{
	Service: service.Service{ID: "azure-ad-b2c", Name: "Azure AD B2C", Kind: service.OIDC, Engine: service.Preset, Color: "#0072c6", Docs: "https://docs.microsoft.com/en-us/azure/active-directory-b2c/tutorial-register-applications"},
	note:    "Nobody vouches for the address, which comes in a list.",
	scopes:  []string{"openid", "offline_access"},
	settings: []Setting{
		optional(setting("issuer", "the user flow's address; in its place the two names below", "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0")),
		optional(setting("tenant_name", "the directory's name, without .onmicrosoft.com", "example", "tenant", "tenant_id")),
		optional(setting("primary_user_flow", "the name of the user flow", "B2C_1_signin", "flow")),
	},
	own: func(s Settings) goth.Provider {
		address := s.Values["issuer"]
		if name := s.Values["tenant_name"]; address == "" && name != "" {
			address = "https://" + name + ".b2clogin.com/" + name + ".onmicrosoft.com/" + s.Values["primary_user_flow"] + "/v2.0"
		}
		return withEndpoints(oidc.AzureB2C(address, s.ClientID, s.ClientSecret, s.Scopes...), s)
	},
}

// fusionAuth may have several tenants, whose discovery documents are told apart by
// a parameter.
var fusionAuth = row{
	Service: service.Service{ID: "fusionauth", Name: "FusionAuth", Kind: service.OIDC, Engine: service.Preset, Verified: "email_verified", Color: "#f58320", Docs: "https://fusionauth.io/docs/v1/tech/5-minute-setup-guide"},
	settings: []Setting{
		setting("issuer", "the tenant's issuer", "https://example.fusionauth.io"),
		optional(setting("tenant_id", "the tenant's ID, where the server has several", "9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c")),
	},
	own: func(s Settings) goth.Provider {
		c := oidc.Config{
			Name: "fusionauth", DisplayName: "FusionAuth", Issuer: s.Values["issuer"], ClientID: s.ClientID, ClientSecret: s.ClientSecret, Scopes: s.Scopes,
			Claims: oidc.Claims{Name: "name|preferred_username|given_name+family_name"},
		}
		if tenant := s.Values["tenant_id"]; tenant != "" {
			c.DiscoveryURL = strings.TrimRight(c.Issuer, "/") + "/.well-known/openid-configuration?tenantId=" + url.QueryEscape(tenant)
			c.AuthParams = url.Values{"tenantId": {tenant}}
		}
		return withEndpoints(oidc.New(c), s)
	},
}

// withEntra is Microsoft under a name of NextAuth.js.
func withEntra(id, name string) row {
	r := entra(id)
	r.settings = append(r.settings, optional(setting("subject", "sub for the subject of NextAuth.js; default the directory's and the object's ID", "sub")))
	r.Service = service.Service{ID: id, Name: name, Kind: service.OIDC, Engine: service.Preset, Color: "#0078d4", Docs: "https://entra.microsoft.com"}
	return r.says("The subject is the directory's and the object's ID; the setting subject brings the claim sub, which NextAuth.js takes.")
}
