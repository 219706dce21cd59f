package main

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// authorize knows the same people as people.js does. Grace is in so many groups
// that her session takes several cookies.
func authorize(_ *gin.Context, credentials map[string]string) (*ginauth.User, error) {
	if credentials["password"] != "correct" {
		return nil, nil
	}
	switch credentials["username"] {
	case "ada":
		return person("1", "Ada Lovelace", "ada@example.com", []string{"engineers"}), nil
	case "grace":
		groups := make([]string, 400)
		for i := range groups {
			groups[i] = "group-" + strconv.Itoa(i)
		}
		return person("2", "Grace Hopper", "grace@example.com", groups), nil
	}
	return nil, nil
}

func person(id, name, email string, groups []string) *ginauth.User {
	return &ginauth.User{ID: id, Name: name, Email: email, Values: map[string]any{"groups": groups}}
}
