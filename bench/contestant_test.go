package main

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // refusals are meant here
	os.Exit(m.Run())
}

// TestContestants: each reads the right person of a session of either size, and
// nobody from a cookie that was altered anywhere or that is missing.
func TestContestants(t *testing.T) {
	for _, size := range []struct {
		name   string
		length int
	}{{"small", 0}, {"large", largeToken}} {
		signedIn, err := newCrowd(5, size.length)
		if err != nil {
			t.Fatal(err)
		}
		all := signedIn.people
		for _, c := range contestants() {
			t.Run(c.name+"/"+size.name, func(t *testing.T) {
				s, err := c.open(signedIn)
				if err != nil {
					t.Fatal(err)
				}
				if !c.verifies {
					return
				}
				client := newClient(s, "/", all, s.cookies())
				for i, want := range all {
					if got := client.get(i); got.saw != want || got.status != http.StatusOK {
						t.Errorf("status %d, read %+v, want %+v", got.status, got.saw, want)
					}
				}
				refused := func(how string) {
					t.Helper()
					if got := client.get(0); got.saw.Subject != "" || got.status != http.StatusUnauthorized {
						t.Errorf("%s: status %d, read %+v", how, got.status, got.saw)
					}
				}
				value := s.values[0]
				for _, at := range []int{2, len(value) / 4, len(value) / 2, len(value) * 3 / 4, len(value) - 4} {
					s.values[0] = alter(value, at)
					client.cookies = s.cookies()
					refused("altered")
				}
				s.values[0] = value[:len(value)-5]
				client.cookies = s.cookies()
				refused("cut")
				client.cookies = []string{"theme=dark"}
				refused("without the session's cookie")
				s.values[0] = value
				client.cookies = s.cookies()
				if got := client.get(0); got.saw != all[0] {
					t.Errorf("unaltered again: read %+v", got.saw)
				}
			})
		}
	}
}

// alter changes one character.
func alter(value string, at int) string {
	if value[at] == '.' {
		at++
	}
	other := byte('A')
	if value[at] == other {
		other = 'B'
	}
	return value[:at] + string(other) + value[at+1:]
}
