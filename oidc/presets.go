package oidc

import "golang.org/x/oauth2"

// Google signs people in with a Google account. The client comes from the Google
// Cloud console. For a refresh token set AuthParams to access_type=offline; the
// claim hd names the Workspace domain of a managed account.
func Google(clientID, clientSecret string, scopes ...string) *Provider {
	return preset("Google", Config{
		Name: "google", DisplayName: "Google", Issuer: "https://accounts.google.com",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{lacksAuthTime: true}, nil)
}

// LinkedIn signs people in with "Sign In with LinkedIn using OpenID Connect",
// a product to be added to the application in LinkedIn's developer portal.
//
// LinkedIn's web sign-in has neither of the two things that bind an
// authorization code to the browser that asked for it: its id_tokens leave the
// nonce out, and its token endpoint refuses a request with a code verifier as
// invalid_client. So a code that leaked on its way to this site could be used
// at this site by anyone who found it, until it is spent or has expired (RFC 9700
// §4.5). State, the exact redirect URI and the client secret, which is required
// here, still hold: a link cannot sign a person in as another user, and no other
// client can use the code. A nonce that does come must be the one sent.
func LinkedIn(clientID, clientSecret string, scopes ...string) *Provider {
	return preset("LinkedIn", Config{
		Name: "linkedin", DisplayName: "LinkedIn", Issuer: "https://www.linkedin.com/oauth",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		// The discovery document does not say so, but Basic is refused.
		AuthStyle: oauth2.AuthStyleInParams,
	}, traits{nonceOptional: true, refusesPKCE: true, lacksAuthTime: true}, nil)
}

// Slack signs people in with "Sign in with Slack". The subject is Slack's sub;
// the claims https://slack.com/user_id and https://slack.com/team_id in RawData
// name the member and the workspace.
//
// Slack takes a code verifier only from apps that were made public clients, and
// refuses it beside the secret. So there is no PKCE here and the client secret is
// required; the nonce, which Slack returns, binds the code to the browser instead.
func Slack(clientID, clientSecret string, scopes ...string) *Provider {
	return preset("Slack", Config{
		Name: "slack", DisplayName: "Slack", Issuer: "https://slack.com",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{refusesPKCE: true}, nil)
}

// Xero signs people in with a Xero account. Xero has no claim that says whether
// the e-mail address is verified, so it does not count as verified. Ask for the
// scope offline_access to get a refresh token.
func Xero(clientID, clientSecret string, scopes ...string) *Provider {
	return preset("Xero", Config{
		Name: "xero", DisplayName: "Xero", Issuer: "https://identity.xero.com",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, nil)
}
