package main

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"

	"github.com/ginauth/ginauth"
)

// email signs people in by a mail. This one goes to the terminal, where the link can
// be opened; an application names its mail server in ginauth.SMTP, and prints no
// link anywhere.
func email() ginauth.Provider {
	return ginauth.Email{
		From: "Example <no-reply@example.com>",
		Send: func(_ context.Context, m ginauth.Mail) error {
			fmt.Printf("\nTo: %s\nSubject: %s\n\n%s\n", m.To, m.Subject, m.Text)
			return nil
		},
	}
}

// member is a person with a password.
type member struct {
	user ginauth.User
	hash []byte
}

// passwords knows one person, ada, with the password engine.
func passwords() (ginauth.Provider, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte("engine"), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	nobody := member{hash: hash}
	members := map[string]member{
		"ada": {ginauth.User{ID: "member-ada", Name: "Ada Lovelace", Email: "ada@example.com"}, hash},
	}
	return ginauth.Credentials{
		Name: "Name and password",
		Fields: []ginauth.Field{
			{Name: "username", Label: "Name", Placeholder: "ada"},
			{Name: "password", Label: "Password", Type: "password", Placeholder: "engine"},
			{Name: "remember", Label: "Remember me", Type: "checkbox"},
		},
		Authorize: func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
			found, known := members[typed["username"]]
			if !known {
				found = nobody // so that an unknown name takes equally long
			}
			if known { // however the name was typed
				if err := ginauth.CountGuess(c, found.user.ID); err != nil {
					return nil, err
				}
			}
			if bcrypt.CompareHashAndPassword(found.hash, []byte(typed["password"])) != nil || !known {
				return nil, nil
			}
			user := found.user
			return &user, nil
		},
	}, nil
}
