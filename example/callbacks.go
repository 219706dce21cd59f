package main

import (
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// remember ends the session of somebody who typed a password with the browser, unless
// they ticked the box.
func remember(_ *gin.Context, p ginauth.SignInParams) error {
	if p.Credentials != nil && p.Credentials["remember"] != "true" {
		*p.Lifetime = ginauth.Lifetime{BrowserSession: true, MaxAge: 12 * time.Hour}
	}
	return nil
}

// keepInToken puts into the session token what later requests need: the
// provider's access token, and the name that the person wishes to be called by.
func keepInToken(_ *gin.Context, p ginauth.JWTParams) error {
	if p.Account != nil { // at sign-in
		p.Token.Claims["accessToken"] = p.Account.AccessToken
	}
	if p.Trigger == ginauth.TriggerUpdate { // the page calls update({ nickname })
		data, _ := p.Update.(map[string]any)
		if nickname, ok := data["nickname"].(string); ok && len(nickname) <= 100 {
			p.Token.Claims["nickname"] = strings.TrimSpace(nickname)
		}
	}
	return nil
}

// passToPage shows both to the pages. What is not passed on here stays sealed.
func passToPage(_ *gin.Context, p ginauth.SessionParams) error {
	p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
	if nickname, ok := p.Token.Claims["nickname"]; ok {
		p.Session.Values["nickname"] = nickname
	}
	return nil
}
