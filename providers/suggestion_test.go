package providers_test

import (
	"strings"
	"testing"

	"github.com/ginauth/ginauth/providers"
)

// An id that is not known: the fault says which one may be meant, and that one works.
func TestNew_DidYouMean(t *testing.T) {
	t.Parallel()
	client := providers.Settings{ClientID: "id", ClientSecret: "secret"}
	for id, want := range map[string]string{
		"githb": "github", "gihtub": "github", "githubb": "github", "Github": "github", "GitHub": "github", "gothub": "github",
		"gogle": "google", "goolge": "google", "discrod": "discord", "click_up": "click-up", "clickup": "click-up", "linkedn": "linkedin",
	} {
		_, err := providers.New(id, client)
		if err == nil || !strings.HasSuffix(err.Error(), `no service has the id "`+id+`"; did you mean `+want+"?") {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
		if _, err := providers.New(want, client); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
	for id, want := range map[string]string{
		"azure": "azure-ad", "entra": "microsoft-entra-id", "google-oauth": "google", "nothing-like-it": "All lists them", "": "All lists them", "o": "All lists them",
	} {
		if _, err := providers.New(id, client); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", id, err, want)
		}
	}
}

// A misspelt variable is a fault that says how it is written, and written so it works.
// Variables of other programs are none.
func TestFromEnv_DidYouMean(t *testing.T) {
	for _, tt := range []struct {
		name string
		vars map[string]string
		want []string // misspelt=meant; none: no fault
	}{
		{"without an underscore", map[string]string{"GITHUB_CLIENTID": "i", "GITHUB_SECRET": "s"}, []string{"GITHUB_CLIENTID=GITHUB_CLIENT_ID"}},
		{"both without", map[string]string{"GITHUB_CLIENTID": "i", "GITHUB_CLIENTSECRET": "s"}, []string{"GITHUB_CLIENTID=GITHUB_CLIENT_ID", "GITHUB_CLIENTSECRET=GITHUB_CLIENT_SECRET"}},
		{"the service", map[string]string{"GITHB_ID": "i", "GITHB_SECRET": "s"}, []string{"GITHB_ID=GITHUB_ID", "GITHB_SECRET=GITHUB_SECRET"}},
		{"the service of one", map[string]string{"GITHUB_ID": "i", "GIHTUB_SECRET": "s"}, []string{"GIHTUB_SECRET=GITHUB_SECRET"}},
		{"as Auth.js has it", map[string]string{"AUTH_GOGLE_ID": "i", "AUTH_GOGLE_SECRET": "s"}, []string{"AUTH_GOGLE_ID=AUTH_GOOGLE_ID", "AUTH_GOGLE_SECRET=AUTH_GOOGLE_SECRET"}},
		{"in lower case", map[string]string{"github_id": "i", "github_secret": "s"}, []string{"github_id=GITHUB_ID", "github_secret=GITHUB_SECRET"}},
		{"as goth's example has it", map[string]string{"GITHUB_KEY": "i", "GITHUB_SECRET": "s"}, []string{"GITHUB_KEY=GITHUB_ID"}},
		{"a setting", map[string]string{"KEYCLOAK_ID": "i", "KEYCLOAK_SECRET": "s", "KEYCLOAK_ISSUR": "https://a.example/realms/b"}, []string{"KEYCLOAK_ISSUR=KEYCLOAK_ISSUER"}},
		{"a fact", map[string]string{"GITHUB_ID": "i", "GITHUB_SECRET": "s", "GITHUB_SCOP": "user:email"}, []string{"GITHUB_SCOP=GITHUB_SCOPE"}},
		{"a named issuer", map[string]string{"OIDC_WORK_ID": "i", "OIDC_WORK_SECRET": "s", "OIDC_WORK_ISUER": "https://a.example"}, []string{"OIDC_WORK_ISUER=OIDC_WORK_ISSUER"}},

		{"ginauth's own", map[string]string{"AUTH0_CLIENT_ID": "i", "AUTH0_CLIENT_SECRET": "s", "AUTH0_DOMAIN": "example.eu.auth0.com", "AUTH_SECRET": "s", "AUTH_URL": "https://a.example"}, nil},
		{"half of another program's", map[string]string{"GITHB_ID": "i", "GITLAB_APP_ID": "i"}, nil},
		{"a short name of another program's", map[string]string{"LINK_ID": "i", "LINK_SECRET": "s", "Y_ID": "i", "Y_SECRET": "s", "AUTH_Y_ID": "i", "AUTH_Y_SECRET": "s"}, nil},
		{"further variables", map[string]string{"GITHUB_ID": "i", "GITHUB_SECRET": "s", "GITHUB_TOKEN": "t", "GITHUB_ACTIONS": "true", "GITHUB_KEY": "k"}, nil},
		{"another program's client", map[string]string{"PAYPLUS_ID": "i", "PAYPLUS_SECRET": "s", "OIDC_RP_CLIENT_ID": "i", "OIDC_RP_CLIENT_SECRET": "s"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.vars)
			_, err := providers.FromEnv()
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			for _, pair := range tt.want {
				written, meant, _ := strings.Cut(pair, "=")
				if err == nil || !strings.Contains(err.Error(), "nothing reads "+written+"; did you mean "+meant) {
					t.Errorf("%s is not named for %s: %v", meant, written, err)
				}
				t.Setenv(meant, tt.vars[written])
				t.Setenv(written, "")
			}
			if made, err := providers.FromEnv(); err != nil || len(made) != 1 {
				t.Errorf("its advice: %d providers, %v", len(made), err)
			}
		})
	}
}

// A variable that ginauth itself reads is nobody's slip, also where the client lacks a part.
func TestFromEnv_OwnVariables(t *testing.T) {
	setenv(t, map[string]string{"AUTH0_ID": "i", "AUTH0_DOMAIN": "example.eu.auth0.com", "AUTH_SECRET": "s", "AUTH_URL": "https://a.example"})
	_, err := providers.FromEnv()
	if err == nil || !strings.Contains(err.Error(), "AUTH0_SECRET is not") || strings.Contains(err.Error(), "nothing reads") {
		t.Error(err)
	}
}
