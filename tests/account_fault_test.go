package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A database or session store that fails while the account page is made shows no page
// with half of what there is: it says that it is a fault, and the log says which.
func TestAccountFault_Page(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), ginauth.Options{Factors: ginauth.FactorOptions{OTP: true}})
	a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	whole := b.get(accountPath).body
	for _, part := range []string{">Ways to sign in<", ">Passkeys<", ">Two-step sign-in<", ">Where you are signed in<"} {
		if strings.Count(whole, part) != 1 {
			t.Fatalf("the page has no %q:\n%s", part, whole)
		}
	}
	for _, call := range []string{"Get", "RevokedAt", "List", "GetUser", "ListAccounts", "ListPasskeys", "GetFactors"} {
		a.log.forget()
		a.cut(call)
		if call == "RevokedAt" {
			a.move(patience) // what was asked a moment ago is not asked again
		}
		res := b.get(accountPath)
		a.mend(call)
		var said struct{ Error string }
		decode(t, res.body, &said)
		if line := a.errorLine(t); res.StatusCode != http.StatusServiceUnavailable || said.Error != "SessionUnavailable" || res.ends() ||
			!strings.Contains(line, "ginauth: reading the account failed") || !strings.Contains(line, errCut.Error()) {
			t.Errorf("%s: %d %s, and the log says %s", call, res.StatusCode, res.body, line)
		}
	}
	if got := b.get(accountPath); got.StatusCode != http.StatusOK || strings.Count(got.body, "<section") != strings.Count(whole, "<section") {
		t.Errorf("afterwards: %d\n%s", got.StatusCode, got.body)
	}
	// One passkey that nobody can read is a fault of the database too.
	a.spoilt(t, a.people["ada"], `{`, `[`)
	a.log.forget()
	if res := b.get(accountPath); res.StatusCode != http.StatusInternalServerError || !strings.Contains(a.errorLine(t), "a stored passkey cannot be read") {
		t.Errorf("a passkey that cannot be read: %d %s", res.StatusCode, res.body)
	}
}

// What a form asks for and a fault prevents is not done. The page says so, with a
// reference that the log has too.
func TestAccountFault_Forms(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), ginauth.Options{
		Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error { return nil }},
	})
	a.registered(t, "ada")
	ada := a.people["ada"]
	b, other := a.browser(t), a.browser(t)
	b.signInByPassword("ada")
	other.signInByPassword("ada")
	session := fields(b.get(accountPath).body).Get("session")
	account := url.Values{"provider": {"credentials"}, "account": {ada}}
	for _, row := range []struct {
		call, do string
		form     url.Values
	}{
		{"DeleteListed", "end", url.Values{"session": {session}}},
		{"DeleteListed", "end-others", nil},
		{"UnlinkAccount", "unlink", account},
		{"DeleteUser", "delete", url.Values{"sure": {"true"}}},
	} {
		a.cut(row.call)
		a.log.forget()
		res := b.doAccount(row.do, row.form)
		a.mend(row.call)
		reference := referenceOf.FindStringSubmatch(res.body)
		line := a.errorLine(t)
		if res.StatusCode != http.StatusServiceUnavailable || res.alert() != "That did not work. Please try again." || reference == nil || strings.Contains(res.body, "cut") {
			t.Errorf("%s: %d\n%s", row.do, res.StatusCode, res.body)
			continue
		}
		for _, want := range []string{"ginauth: the account page could not do what was asked", " do=" + row.do + " ", errCut.Error(), "reference=" + reference[1]} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: the log lacks %q: %s", row.do, want, line)
			}
		}
		accounts, err := a.keys.Adapter.ListAccounts(t.Context(), ada)
		if b.user() == "" || other.user() == "" || err != nil || len(accounts) != 1 {
			t.Errorf("%s was done in spite of it: %v %v", row.do, accounts, err)
		}
	}
	// Without a list nobody knows which sessions are the others.
	a.cut("List")
	if res := b.doAccount("end-others", nil); res.StatusCode != http.StatusServiceUnavailable || other.user() == "" {
		t.Errorf("without a list: %d %s", res.StatusCode, res.body)
	}
	a.mend("List")
	if res := b.doAccount("end-others", nil); res.StatusCode != http.StatusFound || other.user() != "" {
		t.Errorf("afterwards: %d %s", res.StatusCode, res.body)
	}
}

// The user is deleted, and then the store fails: the person reads that it did not work,
// and can ask once more.
func TestAccountFault_DeletedHalf(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"DeleteUserSessions", "Revoke"} {
		a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), ginauth.Options{
			Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error { return nil }},
		})
		b := a.browser(t)
		b.signInByPassword("bob")
		a.cut(call)
		res := b.doAccount("delete", url.Values{"sure": {"true"}})
		if res.StatusCode != http.StatusServiceUnavailable || res.signedIn() || !strings.Contains(a.errorLine(t), errCut.Error()) {
			t.Errorf("%s: %d %s", call, res.StatusCode, res.body)
		}
		if _, err := a.keys.Adapter.GetUser(t.Context(), a.people["bob"]); err == nil {
			t.Errorf("%s: the user is there", call)
		}
	}
}

// The user is deleted, and then the revocations fail: their sealed sessions go on, and end
// when the person asks once more.
func TestAccountFault_DeletedHalfSealed(t *testing.T) {
	t.Parallel()
	asked := 0
	a := newBrokenApp(t, nil, ginauth.Options{
		Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error { asked++; return nil }},
	})
	b, other := a.browser(t), a.browser(t)
	b.signInByPassword("bob")
	other.signInByPassword("bob")
	form := url.Values{"sure": {"true"}}
	a.cut("Revoke")
	if res := b.doAccount("delete", form); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(res.body, `value="delete"`) {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	a.mend("Revoke")
	if res := other.get("/me"); res.StatusCode != http.StatusOK {
		t.Fatalf("the sessions ended: %d\n%s", res.StatusCode, a.log)
	}
	a.move(11 * time.Minute) // for what is left to do no proof is asked
	if res := b.doAccount("unlink", url.Values{"provider": {"credentials"}, "account": {a.people["bob"]}}); res.StatusCode != http.StatusConflict {
		t.Errorf("unlinking is answered %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res := b.doAccount("delete", nil); res.StatusCode != http.StatusConflict || other.get("/me").StatusCode != http.StatusOK {
		t.Errorf("not sure: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res := b.doAccount("delete", form); res.StatusCode != http.StatusFound || !res.ends() || asked != 1 {
		t.Errorf("once more: %d %s, the application was asked %d times", res.StatusCode, res.Header.Get("Location"), asked)
	}
	if res := other.get("/me"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("elsewhere the user who was deleted is answered %d", res.StatusCode)
	}
}

// The session is there until its user is deleted, and then its store fails: it is not
// said to be over.
func TestAccountFault_SignOut(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), ginauth.Options{
		Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error { return nil }},
	})
	b := a.browser(t)
	b.signInByPassword("bob")
	a.breaks("DeleteUserSessions", func() error { // the last call before the sign-out, which succeeds
		a.cut("Get")
		return nil
	})
	if res := b.doAccount("delete", url.Values{"sure": {"true"}}); res.Header.Get("Location") != "" || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// Of several sessions one cannot be ended: the others are, and the person reads that it
// did not work whole. One that another process ended meanwhile is no fault.
func TestAccountFault_EndOthers(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	for name, row := range map[string]struct {
		fails  func(call int) error
		status int
		left   int
	}{
		"the first fails":  {func(call int) error { return map[int]error{0: errCut}[call] }, http.StatusServiceUnavailable, 1},
		"the second fails": {func(call int) error { return map[int]error{1: errCut}[call] }, http.StatusServiceUnavailable, 1},
		"the last fails":   {func(call int) error { return map[int]error{2: errCut}[call] }, http.StatusServiceUnavailable, 1},
		"all fail":         {func(int) error { return errCut }, http.StatusServiceUnavailable, 3},
		"one is gone":      {func(call int) error { return map[int]error{1: ginauth.ErrNotFound}[call] }, http.StatusFound, 1},
		"all are gone":     {func(int) error { return ginauth.ErrNotFound }, http.StatusFound, 3},
	} {
		a := newBrokenApp(t, redisSessions(t, server, name+":"), ginauth.Options{})
		b := a.browser(t)
		b.signInByPassword("ada")
		others := []*browser{a.browser(t), a.browser(t), a.browser(t)}
		for _, other := range others {
			other.signInByPassword("ada")
		}
		calls := 0
		a.breaks("DeleteListed", func() error {
			calls++
			return row.fails(calls - 1)
		})
		res := b.doAccount("end-others", nil)
		left := 0
		for _, other := range others {
			if other.user() != "" {
				left++
			}
		}
		if res.StatusCode != row.status || left != row.left || b.user() == "" || calls != 3 {
			t.Errorf("%s: %d, %d of 3 are left after %d calls\n%s", name, res.StatusCode, left, calls, a.log)
		}
		if broken := strings.Contains(a.log.String(), "level=ERROR"); broken != (row.status == http.StatusServiceUnavailable) {
			t.Errorf("%s: the log says %s", name, a.log)
		}
	}
}
