package tests

import (
	"regexp"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// Records of another Auth, or of none, are no sessions of the user that they stand with.
func TestSessions_ForeignRecords(t *testing.T) {
	t.Parallel()
	store := &listing{SessionStore: memoryStore(), of: map[string][]string{}}
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	a.browser(t).signInAs("ada")
	own, err := a.auth.Sessions(t.Context(), "u-ada")
	if err != nil || len(own) != 1 {
		t.Fatalf("%v, %v", own, err)
	}
	list, err := store.List(t.Context(), "u-ada")
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	claims := regexp.MustCompile(`"(of|auth)":"[^"]*"`)
	for _, record := range []string{"garbage", `{}`, string(claims.ReplaceAll(list[0].Data, []byte(`"of":"staff"`)))} {
		if record == string(list[0].Data) {
			continue
		}
		if _, err := store.Create(t.Context(), "u-ada", []byte(record), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := a.auth.Sessions(t.Context(), "u-ada"); err != nil || len(again) != 1 || again[0].ID != own[0].ID {
		t.Errorf("listed are %+v, %v", again, err)
	}
}
