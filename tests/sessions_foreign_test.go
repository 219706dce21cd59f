package tests

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// endedElsewhere is a store in which another process ends each session a moment before.
type endedElsewhere struct{ *listingStore }

func (v endedElsewhere) DeleteListed(ctx context.Context, userID, id string) error {
	if err := v.listingStore.DeleteListed(ctx, userID, id); err != nil {
		return err
	}
	return ginauth.ErrNotFound
}

// An old session that another process ends at the same moment keeps no other one from
// ending.
func TestMaxPerUser_EndedMeanwhile(t *testing.T) {
	t.Parallel()
	store := endedElsewhere{&listingStore{SessionStore: memoryStore(), of: map[string][]string{}}}
	many := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	var older []*browser
	for range 3 {
		b := many.browser(t)
		b.signInAs("ada")
		older = append(older, b)
	}
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store, MaxPerUser: 1}})
	b := a.browser(t)
	b.signInAs("ada")
	for i, b := range older {
		if b.user() != "" {
			t.Errorf("session %d goes on", i)
		}
	}
	if log := a.log.String(); b.user() == "" || strings.Contains(log, "WARN") || !strings.Contains(log, "the oldest were ended") {
		t.Errorf("signed in is %q: %s", b.user(), log)
	}
}

// Records of another Auth, or of none, are no sessions of the user that they stand with.
func TestSessions_ForeignRecords(t *testing.T) {
	t.Parallel()
	store := &listingStore{SessionStore: memoryStore(), of: map[string][]string{}}
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
