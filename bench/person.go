package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// A person is what a session says about a person, and what each contestant has to
// read from it.
type person struct {
	Subject string
	Name    string
	Email   string
	Picture string
	// AccessToken is a provider's token that the session carries; empty in the small
	// sessions.
	AccessToken string
}

const (
	// largeToken is the length of the access token in the large sessions, in bytes:
	// 2 KB, less what would make the cookie store's encrypted cookie pass the 4096
	// bytes that it allows.
	largeToken = 1950
	// lifetime is how long sessions last, where a contestant lets it be set.
	lifetime = 30 * 24 * time.Hour
)

// people makes n different persons. The access token is not of repeating text, so
// that a contestant that compresses has to carry it like any real one.
func people(n, tokenLength int) []person {
	list := make([]person, n)
	for i := range list {
		list[i] = person{
			Subject:     fmt.Sprintf("u-%06d", i),
			Name:        "Ada Lovelace",
			Email:       fmt.Sprintf("ada.lovelace.%06d@example.com", i),
			Picture:     fmt.Sprintf("https://pictures.example.com/avatars/%06d.png", i),
			AccessToken: opaque(fmt.Sprint("token ", i), tokenLength),
		}
	}
	return list
}

// A crowd is who is signed in under one condition, with the token that ginauth has
// sealed for each of them.
type crowd struct {
	people []person
	tokens []string
}

func newCrowd(n, tokenLength int) (*crowd, error) {
	all := people(n, tokenLength)
	tokens, err := ginauthSessions(all)
	return &crowd{all, tokens}, err
}

// opaque is a text of n characters that looks like a random token and is the same
// in every run.
func opaque(seed string, n int) string {
	var text []byte
	for block := 0; len(text) < n; block++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", seed, block))
		text = base64.RawURLEncoding.AppendEncode(text, sum[:30])
	}
	return string(text[:n])
}

// key is n bytes for a contestant to sign or encrypt with, from one secret.
func key(purpose string, n int) []byte { return []byte(opaque(secret+purpose, n)) }

// secret is what ginauth and next-auth are configured with, and what all other
// keys are made from. Nothing outside this program is sealed with it.
const secret = "a secret of the benchmarks alone, 48 bytes long."
