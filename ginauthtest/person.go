package ginauthtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Person is a person who can sign in.
type Person struct {
	// Subject is the sub claim and must be unique.
	Subject string

	// Name and Picture are given for the scope "profile", Email and
	// EmailVerified for the scope "email" (OIDC Core §5.4). A request without
	// the scope "openid" is plain OAuth and is given all of them, as the user
	// APIs of such services do.
	Name, Email, Picture string
	EmailVerified        bool

	// Claims are further claims for the ID token and for the userinfo
	// endpoint, whatever the scope. They replace those made of the fields
	// above, so that {"id": 42, "login": "ada", "email": nil} answers as
	// GitHub does for a private address. They never replace sub or the
	// protocol's own claims; [Provider.TamperClaims] is for that.
	Claims map[string]any
}

func defaultPeople() []Person {
	return []Person{
		{Subject: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true},
		{Subject: "grace", Name: "Grace Hopper", Email: "grace@example.com", EmailVerified: true},
	}
}

func checkPeople(people []Person) (faults []error) {
	seen := make(map[string]bool)
	for _, person := range people {
		switch {
		case person.Subject == "":
			faults = append(faults, fmt.Errorf("ginauthtest: person %q has no subject", person.Name))
		case seen[person.Subject]:
			faults = append(faults, fmt.Errorf("ginauthtest: two people have the subject %q", person.Subject))
		}
		seen[person.Subject] = true
		if _, err := json.Marshal(person.Claims); err != nil {
			faults = append(faults, fmt.Errorf("ginauthtest: claims of %q: %w", person.Subject, err))
		}
	}
	return faults
}

// claims are what the scopes give a client to know, in a map of the caller's
// own.
func (person Person) claims(scopes []string) map[string]any {
	plain := !slices.Contains(scopes, "openid")
	claims := make(map[string]any)
	if plain || slices.Contains(scopes, "profile") {
		if person.Name != "" {
			claims["name"] = person.Name
		}
		if person.Picture != "" {
			claims["picture"] = person.Picture
		}
	}
	if person.Email != "" && (plain || slices.Contains(scopes, "email")) {
		claims["email"] = person.Email
		claims["email_verified"] = person.EmailVerified
	}
	maps.Copy(claims, cloneClaims(person.Claims))
	claims["sub"] = person.Subject
	return claims
}

// isHinted tells whether a login_hint means this person.
func (person Person) isHinted(hint string) bool {
	return hint != "" && (hint == person.Subject || ascii.EqualFold(hint, person.Email))
}

// displayName is what the sign-in page calls the person.
func (person Person) displayName() string {
	if person.Name != "" {
		return person.Name
	}
	return person.Subject
}

// initials are the first letters of the first and the last word of the name.
func (person Person) initials() string {
	words := strings.Fields(person.displayName())
	if len(words) == 0 {
		return "?"
	}
	letters := firstLetter(words[0])
	if len(words) > 1 {
		letters += firstLetter(words[len(words)-1])
	}
	return strings.ToUpper(letters)
}

func firstLetter(word string) string {
	r, _ := utf8.DecodeRuneInString(word)
	return string(r)
}

func clonePeople(people []Person) []Person {
	people = slices.Clone(people)
	for i := range people {
		people[i].Claims = cloneClaims(people[i].Claims)
	}
	return people
}

// cloneClaims copies maps and lists all the way down: a function that tampers
// with one answer must not reach the next one.
func cloneClaims(claims map[string]any) map[string]any {
	if claims == nil {
		return nil
	}
	clone := make(map[string]any, len(claims))
	for name, value := range claims {
		clone[name] = cloneValue(value)
	}
	return clone
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return cloneClaims(value)
	case []any:
		clone := make([]any, len(value))
		for i := range value {
			clone[i] = cloneValue(value[i])
		}
		return clone
	default:
		return value
	}
}
