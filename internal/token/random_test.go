package token_test

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/token"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen, varied := map[string]bool{}, [36]map[byte]bool{}
	for range 2000 {
		id := token.NewID()
		if !form.MatchString(id) {
			t.Fatalf("%q is not a version 4 UUID", id)
		}
		if seen[id] {
			t.Fatalf("%q came twice", id)
		}
		seen[id] = true
		for i := range len(id) {
			if varied[i] == nil {
				varied[i] = map[byte]bool{}
			}
			varied[i][id[i]] = true
		}
	}
	for i, values := range varied {
		want := 16
		switch i {
		case 8, 13, 18, 23, 14:
			want = 1
		case 19:
			want = 4
		}
		if len(values) != want {
			t.Errorf("place %d takes %d values, want %d", i, len(values), want)
		}
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 1000 {
		s := token.Random()
		if !form.MatchString(s) || seen[s] {
			t.Fatalf("%q has another form, or came before", s)
		}
		seen[s] = true
	}
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	c := token.NewCSRF(secret, older)
	tok, cookie := c.New()
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(tok) || !strings.HasPrefix(cookie, tok+"|") || len(cookie) != 129 {
		t.Fatalf("token %q, cookie %q", tok, cookie)
	}
	if again, _ := c.New(); again == tok {
		t.Error("two tokens are the same")
	}
	_, fromOlder := token.NewCSRF(older).New()
	_, foreign := token.NewCSRF("a stranger's").New()
	sum := cookie[65:]
	tests := []struct {
		name, cookie string
		ok           bool
	}{
		{"own", cookie, true},
		{"previous secret", fromOlder, true},
		{"a third part, as next-auth splits", cookie + "|more", true},
		{"other secret", foreign, false},
		{"empty", "", false},
		{"no hash", tok, false},
		{"empty hash", tok + "|", false},
		{"empty token", "|" + sum, false},
		{"other token", strings.Repeat("0", 64) + "|" + sum, false},
		{"upper case", strings.ToUpper(cookie), false},
		{"cut", cookie[:128], false},
		{"longer", cookie + "0", false},
		{"encoded", strings.Replace(cookie, "|", "%7C", 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := c.Open(tt.cookie)
			if ok != tt.ok || !ok && got != "" {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
	// The empty token has a hash too, which must not let it in.
	sumOfNothing := sha256.Sum256([]byte(secret))
	if _, ok := c.Open("|" + hex.EncodeToString(sumOfNothing[:])); ok {
		t.Error("an empty token opened")
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "", false}, {"ab", "a", false}} {
		if token.Equal(tt.a, tt.b) != tt.want {
			t.Errorf("Equal(%q, %q) is %v", tt.a, tt.b, !tt.want)
		}
	}
}

// No digit of an ID tells another one.
func TestNewID_Independent(t *testing.T) {
	t.Parallel()
	var ids []string
	for range 500 {
		ids = append(ids, strings.ReplaceAll(token.NewID(), "-", ""))
	}
	for i := range ids[0] {
		for j := range i {
			if !slices.ContainsFunc(ids, func(id string) bool { return id[i] != id[j] }) {
				t.Errorf("the digits %d and %d are always the same", j, i)
			}
		}
	}
}
