package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// OnlyWorkspace is Callbacks.SignIn for one Google Workspace domain. Google sets the claim
// hd for accounts that the domain's administrator manages. An address that ends in the
// domain proves less: a private Google account can have it too.
func OnlyWorkspace(domain string) func(*gin.Context, ginauth.SignInParams) error {
	return func(_ *gin.Context, p ginauth.SignInParams) error {
		if p.Account.Provider == "google" && p.Profile.RawData["hd"] == domain {
			return nil
		}
		return ginauth.PublicError("Sign in with your " + domain + " account.")
	}
}

// OnlyOrganisation is Callbacks.SignIn for the members of one GitHub organisation. The
// provider needs the scope read:org. api is https://api.github.com.
func OnlyOrganisation(client *http.Client, api, organisation string) func(*gin.Context, ginauth.SignInParams) error {
	return func(c *gin.Context, p ginauth.SignInParams) error {
		if p.Account.Provider != "github" {
			return ginauth.ErrAccessDenied
		}
		req, err := http.NewRequestWithContext(c, http.MethodGet, api+"/user/memberships/orgs/"+url.PathEscape(organisation), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+p.Account.AccessToken)
		res, err := client.Do(req)
		if err != nil {
			return errors.New("GitHub cannot be asked for the membership")
		}
		defer res.Body.Close()
		var membership struct{ State string }
		switch {
		case res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound:
			return ginauth.ErrAccessDenied
		case res.StatusCode != http.StatusOK:
			return fmt.Errorf("GitHub answered %s for the membership", res.Status)
		case json.NewDecoder(res.Body).Decode(&membership) != nil:
			return errors.New("GitHub's answer for the membership is no JSON")
		case membership.State != "active": // invited, and not yet a member
			return ginauth.ErrAccessDenied
		}
		return nil
	}
}

// Invitations lets in people whose address was invited, and everybody who has an account
// already.
type Invitations struct {
	Users   ginauth.Adapter
	Invited func(ctx context.Context, email string) (bool, error) // from your database
}

// Allow is Callbacks.SignIn.
func (i Invitations) Allow(c *gin.Context, p ginauth.SignInParams) error {
	_, err := i.Users.GetUserByAccount(c, p.Account.Provider, p.Account.ProviderAccountID)
	if err == nil || !errors.Is(err, ginauth.ErrNotFound) {
		return err // nil: they were let in before
	}
	// A mail proves its address. A provider has to vouch for it.
	if p.Account.Type != "email" && !p.Account.EmailVerified {
		return ginauth.PublicError("Sign in with an account whose e-mail address is verified.")
	}
	invited, err := i.Invited(c, p.User.Email)
	if err != nil {
		return err
	}
	if !invited {
		return ginauth.PublicError("This site is for invited people. Ask for an invitation.")
	}
	return nil
}
