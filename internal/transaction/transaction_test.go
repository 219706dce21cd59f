package transaction_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/transaction"
)

var begun = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// A browser keeps cookies as net/http reads them from the Set-Cookie lines.
type browser struct {
	keys transaction.Keys
	jar  map[string]*http.Cookie
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	keys, err := transaction.NewKeys(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return &browser{keys, map[string]*http.Cookie{}}
}

// at is the browser's next request, some time after the first.
func (b *browser) at(after time.Duration) transaction.Cookies {
	var pairs []string
	for _, c := range b.jar {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return transaction.Cookies{
		Keys: b.keys, Names: cookie.NewNames("next-auth", true), Attributes: cookie.Attributes{Secure: true},
		Header: []string{strings.Join(pairs, "; ")}, Now: begun.Add(after),
	}
}

func (b *browser) set(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if !c.HttpOnly || !c.Secure || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("the cookie is not for this host and server alone: %s", line)
		}
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c
		}
	}
}

func (b *browser) begin(t *testing.T, state string, after time.Duration) {
	t.Helper()
	lines, ok := b.at(after).Begin(&oauth.Transaction{State: state, Expires: begun.Add(after + oauth.Lifetime).Unix()})
	if !ok {
		t.Fatal("the sign-in was not kept")
	}
	b.set(t, lines...)
}

func (b *browser) has(state string, after time.Duration) bool {
	tx, _ := b.at(after).Find(url.Values{"state": {state}})
	return tx != nil && tx.State == state
}

// Four sign-ins are kept: completed ones are dropped first, then the oldest.
func TestFourSignIns(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for i, state := range []string{"a", "b", "c", "d"} {
		b.begin(t, state, time.Duration(i)*time.Second)
	}
	tx, _ := b.at(5 * time.Second).Find(url.Values{"state": {"d"}})
	b.set(t, b.at(5*time.Second).End(tx, transaction.UserMark("ada"), "/home")...)
	b.begin(t, "e", 6*time.Second)
	if done, _ := b.at(7 * time.Second).Completed("d"); done != nil || len(b.jar) != 4 {
		t.Errorf("the completed sign-in was not dropped first: %d cookies", len(b.jar))
	}
	b.begin(t, "f", 7*time.Second)
	if b.has("a", 8*time.Second) || !b.has("b", 8*time.Second) || len(b.jar) != 4 {
		t.Errorf("not the oldest was dropped: %d cookies", len(b.jar))
	}
	b.jar["__Host-next-auth.transaction.junk"] = &http.Cookie{Name: "__Host-next-auth.transaction.junk", Value: "x"}
	b.begin(t, "g", time.Hour)
	if len(b.jar) != 1 || !b.has("g", time.Hour) {
		t.Errorf("expired and unreadable cookies stay: %d", len(b.jar))
	}
}

// A sign-in that another site started takes no other's place, and has one for all.
func TestSignInsStartedElsewhere(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	begin := func(at int, thirdParty bool) *oauth.Transaction {
		t.Helper()
		now := time.Duration(at) * time.Second
		tx := &oauth.Transaction{State: fmt.Sprintf("state-%d", at), Expires: begun.Add(now + oauth.Lifetime).Unix(), ThirdParty: thirdParty}
		lines, ok := b.at(now).Begin(tx)
		if !ok {
			t.Fatal("the cookie is too long")
		}
		b.set(t, lines...)
		return tx
	}
	var ours, theirs []*oauth.Transaction
	for i := range 4 {
		ours = append(ours, begin(i, false))
	}
	for i := range 10 {
		tx := begin(10+i, true)
		theirs = append(theirs, tx)
		if i < 9 { // they complete by themselves, where the provider asks nothing
			b.set(t, b.at(time.Duration(10+i)*time.Second).End(tx, "u", "/")...)
		}
	}
	theirs = append(theirs, begin(30, true))
	if len(b.jar) > 6 { // four of ours, one of theirs, and one that was completed
		t.Errorf("the browser has %d cookies", len(b.jar))
	}
	find := func(tx *oauth.Transaction) bool {
		found, _ := b.at(31 * time.Second).Find(url.Values{"state": {tx.State}})
		return found != nil && found.ThirdParty == tx.ThirdParty
	}
	for i, tx := range ours {
		if !find(tx) {
			t.Errorf("our sign-in %d is lost", i)
		}
	}
	for i, tx := range theirs {
		if find(tx) != (i == len(theirs)-1) {
			t.Errorf("sign-in %d of theirs: found %v", i, find(tx))
		}
	}
	// Many that begin at once share the cookie as well: none has seen the other.
	before := b.at(32 * time.Second)
	for i := range 5 {
		tx := &oauth.Transaction{State: fmt.Sprintf("at-once-%d", i), Expires: begun.Add(oauth.Lifetime).Unix(), ThirdParty: true}
		lines, _ := before.Begin(tx)
		b.set(t, lines...)
		theirs = append(theirs, tx)
	}
	if len(b.jar) > 6 {
		t.Errorf("the browser has %d cookies", len(b.jar))
	}
	// Ours leave theirs alone.
	if begin(40, false); !find(theirs[len(theirs)-1]) || find(ours[0]) {
		t.Error("a further one of ours did not take the place of our oldest")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.begin(t, "a", 0)
	for _, row := range []struct {
		name           string
		answer         url.Values
		after          time.Duration
		found, expired bool
	}{
		{"its answer", url.Values{"state": {"a"}}, 0, true, false},
		{"its answer, at the last second", url.Values{"state": {"a"}}, oauth.Lifetime - time.Second, true, false},
		{"its answer, too late", url.Values{"state": {"a"}}, oauth.Lifetime, false, true},
		{"another state", url.Values{"state": {"b"}}, 0, false, false},
		{"no state", url.Values{}, 0, false, false},
		{"the state twice", url.Values{"state": {"a", "a"}}, 0, false, false},
	} {
		tx, expired := b.at(row.after).Find(row.answer)
		if (tx != nil) != row.found || expired != row.expired {
			t.Errorf("%s: found %v, expired %v", row.name, tx != nil, expired)
		}
	}
	other := b.at(0)
	other.Keys, _ = transaction.NewKeys(strings.Repeat("x", 32))
	if tx, expired := other.Find(url.Values{"state": {"a"}}); tx != nil || !expired {
		t.Error("another secret opened it")
	}
}

// A cookie under another sign-in's name, or under that of the other kind, is not opened.
func TestCookiesAreBoundToTheirNames(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.begin(t, "a", 0)
	open := b.jar["__Host-next-auth.transaction"+transaction.Suffix("a")].Value
	tx, _ := b.at(0).Find(url.Values{"state": {"a"}})
	b.set(t, b.at(0).End(tx, "", "")...)
	completed := b.jar["__Host-next-auth.completed"+transaction.Suffix("a")].Value
	for name, value := range map[string]string{
		"transaction" + transaction.Suffix("b"): open, "completed" + transaction.Suffix("b"): completed,
		"transaction" + transaction.Suffix("c"): completed, "completed" + transaction.Suffix("c"): open,
	} {
		b.jar[name] = &http.Cookie{Name: "__Host-next-auth." + name, Value: value}
	}
	for _, state := range []string{"b", "c"} {
		if done, found := b.at(0).Completed(state); b.has(state, 0) || done != nil || !found {
			t.Errorf("the sign-in %s was taken from another's cookie", state)
		}
	}
}

func TestCompleted(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.begin(t, "a", 0)
	tx, _ := b.at(0).Find(url.Values{"state": {"a"}})
	b.set(t, b.at(time.Minute).End(tx, transaction.UserMark("ada"), "/home")...)
	if b.has("a", time.Minute) {
		t.Error("the sign-in is still under way")
	}
	done, _ := b.at(time.Minute).Completed("a")
	if done == nil || done.User != transaction.UserMark("ada") || done.Target != "/home" || done.Again {
		t.Fatalf("%+v", done)
	}
	b.set(t, b.at(time.Minute).RevisitCompleted(done, true))
	if done = b.at(time.Minute).CompletedBySuffix(transaction.Suffix("a")); done == nil || !done.Again {
		t.Errorf("the mark is not kept: %+v", done)
	}
	if done, found := b.at(time.Minute + oauth.Lifetime).Completed("a"); done != nil || !found {
		t.Error("it does not expire")
	}
}

// A target that does not fit is dropped; a sign-in that does not fit is refused.
func TestLongCookies(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	long := strings.Repeat("x", 600)
	tx := &oauth.Transaction{State: "a", Expires: begun.Add(oauth.Lifetime).Unix(), FormPost: true, Target: "/" + long}
	lines, ok := b.at(0).Begin(tx)
	if !ok || tx.Target != "" || !strings.Contains(lines[0], "; SameSite=None") {
		t.Errorf("kept %v with target %q: %v", ok, tx.Target, lines)
	}
	b.set(t, b.at(0).Revisit(tx)) // with room for the mark
	if len(lines[0]) > 750 {
		t.Errorf("the line has %d bytes", len(lines[0]))
	}
	b.set(t, b.at(0).End(tx, "", "/"+long)...)
	if done, _ := b.at(0).Completed("a"); done == nil || done.Target != "" {
		t.Errorf("completed: %+v", done)
	}
	if lines, ok := b.at(0).Begin(&oauth.Transaction{State: "b", Session: long}); ok || lines != nil {
		t.Errorf("a sign-in that does not fit was kept: %v", lines)
	}
}

// Without a secret there are no keys.
func TestNewKeys_Faults(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{{}, {""}, {strings.Repeat("k", 32), ""}} {
		if _, err := transaction.NewKeys(secrets...); err == nil {
			t.Errorf("%q have keys", secrets)
		}
	}
}

// What was sealed with the right key and is no sign-in is none, neither under way nor
// completed.
func TestFind_NoSignIn(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	names := cookie.NewNames("next-auth", true)
	for purpose, name := range map[string]string{"ginauth.transaction": names.Transaction, "ginauth.completed": names.Completed} {
		ring, err := token.V4.Keyring(purpose, strings.Repeat("k", 32))
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range []string{"", "{", "[]", `"x"`, "7"} {
			b.jar = map[string]*http.Cookie{}
			b.jar["x"] = &http.Cookie{Name: name + transaction.Suffix("state"), Value: ring.Seal([]byte(payload))}
			c := b.at(0)
			if tx, _ := c.Find(url.Values{"state": {"state"}}); tx != nil {
				t.Errorf("%s of %q: %+v", purpose, payload, tx)
			}
			if done, _ := c.Completed("state"); done != nil {
				t.Errorf("%s of %q: %+v", purpose, payload, done)
			}
		}
	}
}
