package providers_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// setenv makes the environment these variables alone, as far as providers go.
// Values hold a word that no error may repeat.
func setenv(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, s := range providers.All() {
		prefix := strings.ToUpper(strings.ReplaceAll(s.ID, "-", "_"))
		for _, line := range os.Environ() {
			name, _, _ := strings.Cut(line, "=")
			if strings.HasPrefix(name, prefix+"_") || strings.HasPrefix(name, "AUTH_"+prefix+"_") {
				t.Setenv(name, "")
			}
		}
	}
	for name, value := range vars {
		t.Setenv(name, value)
	}
}

func ids(ps []ginauth.Provider) (all []string) {
	for _, p := range ps {
		all = append(all, p.(ginauth.OAuth).ID)
	}
	return all
}

// The environment is global, so this test is not parallel.
func TestFromEnv(t *testing.T) {
	tests := []struct {
		name string
		vars map[string]string
		want []string
	}{
		{"nothing", nil, nil},
		{"another's variables", map[string]string{"AUTH_SECRET": "x", "AUTH0_DOMAIN": "example.eu.auth0.com", "KEYCLOAK_ISSUER": "https://a.example/realms/b"}, nil},
		{"empty variables", map[string]string{"GITHUB_ID": "", "GITHUB_SECRET": ""}, nil},
		{"as NextAuth v4", map[string]string{"GITHUB_ID": "i", "GITHUB_SECRET": "s"}, []string{"github"}},
		{"as Auth.js v5", map[string]string{"AUTH_GITHUB_ID": "i", "AUTH_GITHUB_SECRET": "s"}, []string{"github"}},
		{"as the documentation", map[string]string{"GITHUB_CLIENT_ID": "i", "GITHUB_CLIENT_SECRET": "s"}, []string{"github"}},
		{"twice the same", map[string]string{"GITHUB_ID": "i", "AUTH_GITHUB_ID": "i", "GITHUB_SECRET": "s"}, []string{"github"}},
		{"two, by id", map[string]string{"GOOGLE_ID": "i", "GOOGLE_SECRET": "s", "DISCORD_ID": "i", "DISCORD_SECRET": "s"}, []string{"discord", "google"}},
		{"an issuer", map[string]string{"KEYCLOAK_ID": "i", "KEYCLOAK_SECRET": "s", "KEYCLOAK_ISSUER": "https://a.example/realms/b"}, []string{"keycloak"}},
		{"an issuer under the other prefix", map[string]string{"KEYCLOAK_ID": "i", "KEYCLOAK_SECRET": "s", "AUTH_KEYCLOAK_ISSUER": "https://a.example/realms/b"}, []string{"keycloak"}},
		{"a domain", map[string]string{"AUTH0_CLIENT_ID": "i", "AUTH0_CLIENT_SECRET": "s", "AUTH0_DOMAIN": "example.eu.auth0.com"}, []string{"auth0"}},
		{"an issuer for a domain", map[string]string{"AUTH0_CLIENT_ID": "i", "AUTH0_CLIENT_SECRET": "s", "AUTH0_ISSUER": "https://example.eu.auth0.com/"}, []string{"auth0"}},
		{"an issuer for a pool", map[string]string{"COGNITO_ID": "i", "COGNITO_SECRET": "s", "COGNITO_ISSUER": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"}, []string{"cognito"}},
		{"an id with a dash", map[string]string{"OPENID_CONNECT_ID": "i", "OPENID_CONNECT_SECRET": "s", "OPENID_CONNECT_ISSUER": "https://a.example"}, []string{"openid-connect"}},
		{"Microsoft", map[string]string{"AZUREADV2_ID": "i", "AZUREADV2_SECRET": "s", "AZUREADV2_TENANT": "common"}, []string{"azureadv2"}},
		{"Microsoft as v4", map[string]string{"AZURE_AD_CLIENT_ID": "i", "AZURE_AD_CLIENT_SECRET": "s", "AZURE_AD_TENANT_ID": directory}, []string{"azure-ad"}},
		{"two OpenID providers", map[string]string{
			"OIDC_WORK_ID": "i", "OIDC_WORK_SECRET": "s", "OIDC_WORK_ISSUER": "https://login.work.example", "OIDC_WORK_NAME": "Work & Co.",
			"AUTH_OIDC_BIG_PARTNER_ID": "i", "AUTH_OIDC_BIG_PARTNER_SECRET": "s", "AUTH_OIDC_BIG_PARTNER_ISSUER": "https://login.partner.example",
			"OIDC_ID": "i", "OIDC_SECRET": "s", "OIDC_ISSUER": "https://login.example",
		}, []string{"openid-connect", "big-partner", "work"}},
		{"facts", map[string]string{
			"FIGMA_ID": "i", "FIGMA_SECRET": "s", "FIGMA_SCOPE": "current_user:read file_content:read", "FIGMA_AUTHORIZATION_PARAMS": "prompt=consent",
			"FIGMA_DISABLE_PKCE": "true", "FIGMA_TOKEN_URL": "https://new.figma.example/token", "FIGMA_USERINFO_URL": "https://new.figma.example/me?v=2", "FIGMA_SUBJECT": "user.id",
		}, []string{"figma"}},
		{"a container", map[string]string{
			"KEYCLOAK_ID": "i", "KEYCLOAK_SECRET": "s", "KEYCLOAK_ISSUER": "https://a.example/realms/b", "KEYCLOAK_BACK_CHANNEL": "http://keycloak:8080",
		}, []string{"keycloak"}},
		{"B2C by names", map[string]string{"AZURE_AD_B2C_CLIENT_ID": "i", "AZURE_AD_B2C_CLIENT_SECRET": "s", "AZURE_AD_B2C_TENANT_NAME": "example", "AZURE_AD_B2C_PRIMARY_USER_FLOW": "B2C_1_signin"}, []string{"azure-ad-b2c"}},
		{"names of Auth.js's pages", map[string]string{"CLICKUP_CLIENT_ID": "i", "CLICKUP_CLIENT_SECRET": "s", "DIS6_CLIENT_ID": "i", "DIS6_CLIENT_SECRET": "s", "DIS6_ISSUER": "https://a.example", "KINDE_CLIENT_ID": "i", "KINDE_CLIENT_SECRET": "s", "KINDE_DOMAIN": "https://a.kinde.com"}, []string{"click-up", "duende-identity-server6", "kinde"}},
		{"an id that begins with a digit", map[string]string{"AUTH_42_SCHOOL_ID": "i", "AUTH_42_SCHOOL_SECRET": "s"}, []string{"42-school"}},
		{"Microsoft as v5", map[string]string{
			"AUTH_MICROSOFT_ENTRA_ID_ID": "i", "AUTH_MICROSOFT_ENTRA_ID_SECRET": "s",
			"AUTH_MICROSOFT_ENTRA_ID_ISSUER": "https://login.microsoftonline.com/" + directory + "/v2.0/",
		}, []string{"microsoft-entra-id"}},
		{"X", map[string]string{"X_ID": "i", "X_SECRET": "s"}, []string{"twitter"}},
		{"Apple", map[string]string{
			"APPLE_ID": "com.example.web", "APPLE_TEAM_ID": "DEF123GHIJ", "APPLE_KEY_ID": "ABC123DEFG", "APPLE_PRIVATE_KEY": apple.values["private_key"],
		}, []string{"apple"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.vars)
			got, err := providers.FromEnv()
			if err != nil || !slices.Equal(ids(got), tt.want) {
				t.Fatalf("made %v, %v; want %v", ids(got), err, tt.want)
			}
			if len(got) == 0 {
				return
			}
			if _, err := ginauth.New(ginauth.Options{Providers: got, Secret: strings.Repeat("x", 32), BaseURL: base}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFromEnv_Faults(t *testing.T) {
	const hidden = "leaked"
	tests := []struct {
		name string
		vars map[string]string
		want []string // each in the error
	}{
		{"no secret", map[string]string{"GITHUB_ID": hidden}, []string{"github: GITHUB_ID is set and GITHUB_SECRET is not"}},
		{"no id", map[string]string{"AUTH_GITHUB_SECRET": hidden}, []string{"AUTH_GITHUB_SECRET is set and AUTH_GITHUB_ID is not"}},
		{"no secret, as the documentation", map[string]string{"GITHUB_CLIENT_ID": hidden}, []string{"GITHUB_CLIENT_SECRET is not"}},
		{"two ids", map[string]string{"GITHUB_ID": hidden + "1", "AUTH_GITHUB_ID": hidden + "2", "GITHUB_SECRET": hidden}, []string{"GITHUB_ID and AUTH_GITHUB_ID differ"}},
		{"white space", map[string]string{"GITHUB_ID": hidden, "GITHUB_SECRET": hidden + "\n"}, []string{"GITHUB_SECRET has white space"}},
		{"no issuer", map[string]string{"AUTH_KEYCLOAK_ID": hidden, "AUTH_KEYCLOAK_SECRET": hidden}, []string{"AUTH_KEYCLOAK_ISSUER is empty", "https://login.example.com/realms/staff"}},
		{"an issuer without realm", map[string]string{"KEYCLOAK_ID": hidden, "KEYCLOAK_SECRET": hidden, "KEYCLOAK_ISSUER": "https://leaked.example"}, []string{"KEYCLOAK_ISSUER (for instance"}},
		{"an issuer over http", map[string]string{"KEYCLOAK_ID": hidden, "KEYCLOAK_SECRET": hidden, "KEYCLOAK_ISSUER": "http://leaked.example/realms/a"}, []string{"KEYCLOAK_ISSUER begins with http"}},
		{"an issuer that is none", map[string]string{"OKTA_ID": hidden, "OKTA_SECRET": hidden, "OKTA_ISSUER": "leaked.okta.com"}, []string{"OKTA_ISSUER is not an https address"}},
		{"an issuer with a password", map[string]string{"OKTA_ID": hidden, "OKTA_SECRET": hidden, "OKTA_ISSUER": "https://a:leaked@b.example"}, []string{"OKTA_ISSUER is not an https address"}},
		{"a tenant that is none", map[string]string{"AZURE_AD_CLIENT_ID": hidden, "AZURE_AD_CLIENT_SECRET": hidden, "AZURE_AD_TENANT_ID": "leaked/.."}, []string{"azure-ad", "AZURE_AD_TENANT_ID (for instance"}},
		{"an issuer without its tenant", map[string]string{"AUTH_MICROSOFT_ENTRA_ID_ID": hidden, "AUTH_MICROSOFT_ENTRA_ID_SECRET": hidden, "AUTH_MICROSOFT_ENTRA_ID_ISSUER": "https://login.microsoftonline.com//v2.0"}, []string{"AUTH_MICROSOFT_ENTRA_ID_ISSUER (for instance"}},
		{"a pool that is none", map[string]string{"COGNITO_ID": hidden, "COGNITO_SECRET": hidden, "COGNITO_POOL": hidden}, []string{"COGNITO_POOL (for instance"}},
		{"two settings", map[string]string{"AUTH0_ID": hidden, "AUTH0_SECRET": hidden, "AUTH0_DOMAIN": "leaked.example", "AUTH0_ISSUER": "https://leaked.example"}, []string{"AUTH0_ISSUER says something else"}},
		{"a secret for Apple", map[string]string{"APPLE_ID": hidden, "APPLE_SECRET": hidden}, []string{"APPLE_SECRET is set, but there is no lasting secret", "APPLE_PRIVATE_KEY is empty", "APPLE_TEAM_ID is empty"}},
		{"no key for Apple", map[string]string{"APPLE_ID": hidden, "APPLE_TEAM_ID": "DEF123GHIJ", "APPLE_KEY_ID": "ABC123DEFG", "APPLE_PRIVATE_KEY": hidden}, []string{"APPLE_PRIVATE_KEY is no private key"}},
		{"left out", map[string]string{"MEDIUM_ID": "x", "MEDIUM_SECRET": hidden}, []string{"medium: Medium gives out no new clients"}},
		{"a name that is taken", map[string]string{"OIDC_GITHUB_ID": "i", "OIDC_GITHUB_SECRET": hidden, "OIDC_GITHUB_ISSUER": "https://leaked.example"}, []string{"OIDC_GITHUB_ISSUER names a provider that would be github"}},
		{"half a named provider", map[string]string{"OIDC_WORK_ID": "i", "OIDC_WORK_ISSUER": "http://leaked.example"}, []string{"OIDC_WORK_SECRET is not"}},
		{"an endpoint over http", map[string]string{"FIGMA_ID": "i", "FIGMA_SECRET": hidden, "FIGMA_TOKEN_URL": "http://leaked.example/token"}, []string{"FIGMA_TOKEN_URL begins with http"}},
		{"an endpoint that is none", map[string]string{"FIGMA_ID": "i", "FIGMA_SECRET": hidden, "FIGMA_AUTHORIZATION_URL": "leaked"}, []string{"FIGMA_AUTHORIZATION_URL is not an https address"}},
		{"an endpoint that the service lacks", map[string]string{"FIGMA_ID": "i", "FIGMA_SECRET": hidden, "FIGMA_DISCOVERY_URL": "https://leaked.example"}, []string{"FIGMA_DISCOVERY_URL is set, but"}},
		{"a flag that is none", map[string]string{"FIGMA_ID": "i", "FIGMA_SECRET": hidden, "FIGMA_DISABLE_PKCE": "leaked"}, []string{"FIGMA_DISABLE_PKCE is neither true nor false"}},
		{"a scope that is none", map[string]string{"FIGMA_ID": "i", "FIGMA_SECRET": hidden, "FIGMA_SCOPE": "lea\"ked"}, []string{"figma: oauth: figma: the scope"}},
		{"all at once", map[string]string{"GITHUB_ID": hidden, "GOOGLE_SECRET": hidden, "GPLUS_ID": hidden, "GPLUS_SECRET": hidden, "DISCORD_ID": "i", "DISCORD_SECRET": "s"},
			[]string{"GITHUB_SECRET is not", "GOOGLE_ID is not", "gplus: Google+ is closed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.vars)
			got, err := providers.FromEnv()
			if err == nil || got != nil {
				t.Fatalf("made %v, %v", ids(got), err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("the error repeats a value: %v", err)
			}
		})
	}
}

// everything is an environment with a client of every service.
func everything(setenv func(name, value string)) (made int) {
	for _, s := range providers.All() {
		if s.LeftOut != "" {
			continue
		}
		made++
		prefix := "AUTH_" + strings.ToUpper(strings.ReplaceAll(s.ID, "-", "_"))
		setenv(prefix+"_ID", "i")
		if fixtures[s.ID].secret == nil {
			setenv(prefix+"_SECRET", "s")
		}
		for name, value := range fixtures[s.ID].values {
			setenv(prefix+"_"+strings.ToUpper(name), value)
		}
	}
	return made
}

// With a client of every service, every provider is made, and one site takes them
// all.
func TestFromEnv_Everything(t *testing.T) {
	setenv(t, nil)
	want := everything(t.Setenv)
	got, err := providers.FromEnv()
	if err != nil || len(got) != want {
		t.Fatalf("made %d of %d: %v", len(got), want, err)
	}
	if _, err := ginauth.New(ginauth.Options{Providers: got, Secret: strings.Repeat("x", 32), BaseURL: base}); err != nil {
		t.Error(err)
	}
}

// BenchmarkFromEnv is what a program's start costs with a client of every service.
func BenchmarkFromEnv(b *testing.B) {
	everything(b.Setenv)
	for b.Loop() {
		if _, err := providers.FromEnv(); err != nil {
			b.Fatal(err)
		}
	}
}
