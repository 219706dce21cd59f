package transaction_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/transaction"
)

// names96 is what cookies and marks are named by: all versions of a program have the
// same, so that a sign-in survives an update.
func names96(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func TestSuffixAndMark(t *testing.T) {
	t.Parallel()
	if got := transaction.Suffix("state"); got != "."+names96("state") {
		t.Error(got)
	}
	if got := transaction.UserMark("ada"); got != names96("ada") {
		t.Error(got)
	}
}

// ring has the keys of a purpose.
func ring(t *testing.T, purpose string) *token.Keyring {
	t.Helper()
	r, err := token.V4.Keyring(purpose, strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A sign-in opens under its own key and under no other, and not in part.
func TestCookies_Keys(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	names := cookie.NewNames("next-auth", true)
	expires := begun.Add(time.Minute).Unix()
	whole := fmt.Sprintf(`{"s":"state","e":%d}`, expires)
	for _, row := range []struct {
		purpose, payload string
		open, completed  bool
	}{
		{"ginauth.transaction", whole, true, false},
		{"ginauth.completed", whole, false, true},
		{"", whole, false, false},
		{"ginauth.transaction", fmt.Sprintf(`{"s":"state","e":%d,"v":7}`, expires), false, false},
		{"ginauth.completed", fmt.Sprintf(`{"s":"state","e":%d,"u":7}`, expires), false, false},
		{"ginauth.transaction", fmt.Sprintf(`{"s":"state","e":%d,"h":true}`, expires), false, false}, // another site's has another name
	} {
		value := ring(t, row.purpose).Seal([]byte(row.payload))
		b.jar = map[string]*http.Cookie{
			"a": {Name: names.Transaction + transaction.Suffix("state"), Value: value}, "b": {Name: names.Completed + transaction.Suffix("state"), Value: value},
		}
		tx, expired := b.at(0).Find(url.Values{"state": {"state"}})
		if (tx != nil) != row.open || expired == row.open {
			t.Errorf("%s of %q is a sign-in: %v, expired: %v", row.payload, row.purpose, tx != nil, expired)
		}
		done, found := b.at(0).Completed("state")
		if bySuffix := b.at(0).CompletedBySuffix(transaction.Suffix("state")); (done != nil) != row.completed || (bySuffix != nil) != row.completed || !found {
			t.Errorf("%s of %q is a completed one: %v, %v; found %v", row.payload, row.purpose, done, bySuffix, found)
		}
	}
	if done, found := b.at(0).Completed("another"); done != nil || found {
		t.Error("there is a completed sign-in of no cookie")
	}
}

// A sign-in's cookie has a quarter of an hour, and is sent along with another site's
// request only where the provider answers by POST.
func TestCookies_Attributes(t *testing.T) {
	t.Parallel()
	for _, post := range []bool{false, true} {
		b := newBrowser(t)
		tx := &oauth.Transaction{State: "a", Expires: begun.Add(oauth.Lifetime).Unix(), FormPost: post}
		lines, _ := b.at(0).Begin(tx)
		lines = append(lines, b.at(0).Revisit(tx), b.at(0).End(tx, "", "")[1])
		for i, line := range lines {
			c, err := http.ParseSetCookie(line)
			if err != nil || c.MaxAge != 900 || (c.SameSite == http.SameSiteNoneMode) != (post && i < 2) || !c.HttpOnly || !c.Secure {
				t.Errorf("%v: %s, %v", post, line, err)
			}
		}
	}
}

// Any tells the cookies of sign-ins from those with longer names.
func TestCookies_Any(t *testing.T) {
	t.Parallel()
	names := cookie.NewNames("next-auth", true)
	for name, want := range map[string]bool{
		names.Transaction + transaction.Suffix("a"): true, names.Completed + transaction.Suffix("a"): true, names.Transaction + ".other": true,
		names.Transaction: false, names.Completed: false, names.Transaction + "s": false, names.Completed + "-x": false, "theme": false,
	} {
		c := transaction.Cookies{Names: names, Header: []string{name + "=x"}}
		if c.Any() != want {
			t.Errorf("%s is one of a sign-in's: %v", name, !want)
		}
	}
	b := newBrowser(t)
	lines, _ := b.at(0).Begin(&oauth.Transaction{State: "a", Expires: begun.Add(time.Minute).Unix(), ThirdParty: true})
	if b.set(t, lines...); !b.at(0).Any() {
		t.Error("a sign-in that another site started is none")
	}
}

// However long its target is, a sign-in's cookie has at most 600 bytes, also once it is
// marked. A target that fits is kept to the last byte, and so is a former session beside
// a target that does not.
func TestBegin_Length(t *testing.T) {
	t.Parallel()
	longest := map[string]int{}
	for n := range 600 {
		for _, former := range []string{"", strings.Repeat("f", n)} {
			b := newBrowser(t)
			target := strings.Repeat("t", n)
			if former != "" {
				target = strings.Repeat("t", 600)
			}
			tx := &oauth.Transaction{State: "state", Expires: begun.Add(time.Minute).Unix(), Target: target, Former: former}
			lines, ok := b.at(0).Begin(tx)
			if !ok {
				t.Fatalf("a target of %d bytes is in the way", n)
			}
			for _, line := range append(lines, b.at(0).Revisit(tx)) {
				if pair, _, _ := strings.Cut(line, ";"); len(pair)-1 > 600 { // the sign of equality is no part of either
					t.Fatalf("with %d bytes the cookie has %d", n, len(pair)-1)
				}
			}
			if former == "" && tx.Target != "" {
				longest["target"] = n
			}
			if former != "" && tx.Former != "" {
				longest["former"] = n
			}
			if former != "" && tx.Target != "" {
				t.Errorf("a target of 600 bytes is kept")
			}
		}
	}
	// One more byte of JSON is one more of the ciphertext, four of base64 at most.
	for what, n := range longest {
		tx := &oauth.Transaction{State: "state", Expires: begun.Add(time.Minute).Unix(), Again: true}
		if what == "target" {
			tx.Target = strings.Repeat("t", n+1)
		} else {
			tx.Former = strings.Repeat("f", n+1)
		}
		name := cookie.NewNames("next-auth", true).Transaction + transaction.Suffix("state")
		if length := len(name) + len(ring(t, "ginauth.transaction").Seal(tx.Bytes())); length <= 600 {
			t.Errorf("a %s of %d bytes fits in %d, and was dropped", what, n+1, length)
		}
	}
	if len(longest) != 2 {
		t.Errorf("nothing is kept: %v", longest)
	}
}

// A header of the given sign-ins, in this order, at begun.
func header(t *testing.T, signIns ...[2]any) transaction.Cookies {
	t.Helper()
	b := newBrowser(t)
	c := b.at(0)
	var pairs []string
	for _, s := range signIns {
		state, expires := s[0].(string), begun.Unix()+int64(s[1].(int))
		name, purpose := c.Names.Transaction, "ginauth.transaction"
		if strings.HasPrefix(state, "done") {
			name, purpose = c.Names.Completed, "ginauth.completed"
		}
		pairs = append(pairs, name+transaction.Suffix(state)+"="+ring(t, purpose).Seal(fmt.Appendf(nil, `{"s":%q,"e":%d}`, state, expires)))
	}
	c.Header = []string{strings.Join(pairs, "; ")}
	return c
}

// deleted are the states whose cookies a new sign-in deletes.
func deleted(t *testing.T, c transaction.Cookies, thirdParty bool, states ...string) (gone []string) {
	t.Helper()
	lines, ok := c.Begin(&oauth.Transaction{State: "new", Expires: begun.Add(oauth.Lifetime).Unix(), ThirdParty: thirdParty})
	if !ok {
		t.Fatal("it does not fit")
	}
	for _, line := range lines[:len(lines)-1] {
		set, err := http.ParseSetCookie(line)
		if err != nil || set.MaxAge >= 0 {
			t.Errorf("%s deletes nothing: %v", line, err)
			continue
		}
		name := set.Name
		for _, state := range states {
			if strings.HasSuffix(set.Name, transaction.Suffix(state)) {
				name = state
			}
		}
		gone = append(gone, name)
	}
	return gone
}

// In whatever order the browser sends them: completed sign-ins go first, then those that
// expire first, until with the new one there are four; of another site's, none that is
// under way goes.
func TestBegin_Drops(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		signIns    [][2]any
		thirdParty bool
		want       []string
	}{
		"room for all":                      {[][2]any{{"a", 10}, {"done-b", 20}, {"c", 30}}, false, nil},
		"the completed one":                 {[][2]any{{"a", 10}, {"b", 20}, {"c", 30}, {"done-d", 40}}, false, []string{"done-d"}},
		"the completed one, first":          {[][2]any{{"done-d", 40}, {"a", 10}, {"b", 20}, {"c", 30}}, false, []string{"done-d"}},
		"the oldest":                        {[][2]any{{"d", 40}, {"c", 30}, {"b", 20}, {"a", 10}}, false, []string{"a"}},
		"the oldest two":                    {[][2]any{{"b", 20}, {"d", 40}, {"a", 10}, {"c", 30}, {"e", 50}}, false, []string{"a", "b"}},
		"the oldest completed one":          {[][2]any{{"done-b", 30}, {"done-a", 20}, {"c", 10}, {"d", 15}}, false, []string{"done-a"}},
		"what has expired":                  {[][2]any{{"a", 0}, {"done-b", 0}, {"c", 1}, {"done-d", 1}}, false, []string{"a", "done-b"}},
		"of another site's, completed ones": {[][2]any{{"a", 10}, {"b", 20}, {"c", 30}, {"d", 40}, {"done-e", 50}}, true, []string{"done-e"}},
		"of another site's, none":           {[][2]any{{"a", 10}, {"b", 20}, {"c", 30}, {"done-d", 40}}, true, nil},
	} {
		var states []string
		for _, s := range row.signIns {
			states = append(states, s[0].(string))
		}
		if gone := deleted(t, header(t, row.signIns...), row.thirdParty, states...); !slices.Equal(gone, row.want) {
			t.Errorf("%s: %q go, want %q", name, gone, row.want)
		}
	}
}

// Of a header full of sign-ins, sixteen are opened. The others are deleted.
func TestBegin_Bounded(t *testing.T) {
	t.Parallel()
	var signIns [][2]any
	var states, want []string
	for i := range 20 {
		state := fmt.Sprint("s", i)
		signIns, states = append(signIns, [2]any{state, 10 + i}), append(states, state)
		if i < 13 || i >= 16 {
			want = append(want, state)
		}
	}
	gone := deleted(t, header(t, signIns...), false, states...)
	slices.Sort(gone)
	slices.Sort(want)
	if !slices.Equal(gone, want) {
		t.Errorf("%q go, want %q", gone, want)
	}
}

// Cookies whose names only begin alike are none of ours.
func TestBegin_OtherCookies(t *testing.T) {
	t.Parallel()
	c := newBrowser(t).at(0)
	c.Header = []string{c.Names.Transaction + "=x; " + c.Names.Completed + "s=x; " + c.Names.Transaction + "-y=x; theme=dark"}
	if gone := deleted(t, c, false); len(gone) != 0 {
		t.Errorf("%q go", gone)
	}
}

// An expired cookie of the state is told from none, also beside another site's sign-in.
func TestFind_ExpiredBesideAnother(t *testing.T) {
	t.Parallel()
	c := header(t, [2]any{"a", 0})
	c.Header = append(c.Header, c.Names.Transaction+".other="+ring(t, "ginauth.transaction").Seal([]byte(`{"s":"b","e":99999999999,"h":true}`)))
	if tx, expired := c.Find(url.Values{"state": {"a"}}); tx != nil || !expired {
		t.Errorf("%v, expired: %v", tx, expired)
	}
	if tx, expired := c.Find(url.Values{"state": {"c"}}); tx != nil || expired {
		t.Errorf("%v, expired: %v", tx, expired)
	}
	if tx, _ := c.Find(url.Values{"state": {"b"}}); tx == nil {
		t.Error("another site's sign-in is not found")
	}
}

// A completed sign-in keeps its target to the last byte that 600 hold, and the mark of
// one whose answer is loaded once more is kept.
func TestEnd_Length(t *testing.T) {
	t.Parallel()
	name := cookie.NewNames("next-auth", true).Completed + transaction.Suffix("state")
	for n := range 600 {
		b := newBrowser(t)
		target := strings.Repeat("t", n)
		lines := b.at(0).End(&oauth.Transaction{State: "state"}, "u", target)
		b.set(t, lines[1])
		done, _ := b.at(0).Completed("state")
		if done == nil || done.Target != "" && done.Target != target {
			t.Fatalf("with a target of %d bytes %+v is kept", n, done)
		}
		payload := fmt.Appendf(nil, `{"s":"state","u":"u","t":%q,"e":%d}`, target, begun.Add(oauth.Lifetime).Unix())
		if fits := len(name)+len(ring(t, "ginauth.completed").Seal(payload)) <= 600; n > 0 && fits != (done.Target != "") {
			t.Fatalf("a target of %d bytes fits: %v", n, fits)
		}
	}
	b := newBrowser(t)
	tx := &oauth.Transaction{State: "state", Expires: begun.Add(time.Minute).Unix()}
	b.set(t, b.at(0).Revisit(tx))
	if found, _ := b.at(0).Find(url.Values{"state": {"state"}}); found == nil || !found.Again {
		t.Errorf("%+v", found)
	}
}
