package ginauth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// maxTransactions sign-ins may be under way in one browser; the oldest goes.
	maxTransactions = 4
	// maxTransaction is the longest transaction cookie, in bytes, name included:
	// four stay far below the 8 KB that proxies allow a header line.
	maxTransaction = 600
)

// keepTransaction sets the cookie of a sign-in that begins, and reports whether it
// fits. Of a target too long to keep nothing is kept: it will lead to the base URL.
func (v *visit) keepTransaction(tx *oauth.Transaction) bool {
	longest := *tx
	longest.Again = true
	fits := func() bool {
		return len(v.transactionName(tx.State))+len(v.transactions.Seal(longest.Bytes())) <= maxTransaction
	}
	if !fits() {
		tx.Target, longest.Target = "", ""
	}
	if !fits() {
		return false
	}
	v.dropOldTransactions(maxTransactions - 1)
	v.setTransaction(tx)
	return true
}

func (v *visit) setTransaction(tx *oauth.Transaction) {
	v.setCookie(cookie.Line(v.transactionName(tx.State), v.transactions.Seal(tx.Bytes()), v.transactionAttributes(tx)))
}

// transaction finds the sign-in that an answer belongs to: the one of its state,
// started in this browser and not expired. Whether it was for this provider and
// client, oauth.Complete decides. expired reports that there is a cookie of it, which
// is of no use any more.
func (v *visit) transaction(answer url.Values) (tx *oauth.Transaction, expired bool) {
	if len(answer["state"]) != 1 {
		return nil, false
	}
	state := answer["state"][0]
	for value := range cookie.Values(v.c.Request.Header["Cookie"], v.transactionName(state)) {
		if tx := v.openTransaction(value); tx != nil && token.Equal(tx.State, state) {
			return tx, false
		}
		expired = true
	}
	return nil, expired
}

func (v *visit) openTransaction(value string) *oauth.Transaction {
	payload, _, err := v.transactions.Open(value)
	if err != nil {
		return nil
	}
	tx, err := oauth.ParseTransaction(payload)
	if err != nil || v.opts.Now().Unix() >= tx.Expires {
		return nil
	}
	return tx
}

// transactionName gives each sign-in a cookie of its own, so that two tabs do
// not take each other's.
func (v *visit) transactionName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return v.names.Transaction + "." + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// completedName is the name of what that sign-in leaves.
func (v *visit) completedName(state string) string {
	return v.names.Completed + strings.TrimPrefix(v.transactionName(state), v.names.Transaction)
}

// transactionAttributes are those of the cookie of one sign-in, or of one that
// nobody can tell. Only a provider that answers by POST gets its cookie along
// with a request from another site; what the cookie seals is of no use to anybody
// but us, and spent once.
func (v *visit) transactionAttributes(tx *oauth.Transaction) cookie.Attributes {
	a := cookie.Attributes{MaxAge: oauth.Lifetime, Secure: v.base.Secure}
	if tx != nil && tx.FormPost {
		a.Secure, a.SameSite = true, http.SameSiteNoneMode
	}
	return a
}

// dropOldTransactions deletes the cookies of sign-ins that lead nowhere any more,
// and the oldest of the others beyond keep, those that are completed first.
func (v *visit) dropOldTransactions(keep int) {
	type open struct {
		name       string
		completed  bool
		expires    int64
		attributes cookie.Attributes
	}
	var live []open
	for name, value := range cookie.All(v.c.Request.Header["Cookie"]) {
		kept := open{name: name, attributes: v.transactionAttributes(nil)}
		switch {
		case len(live) >= 4*maxTransactions:
		case strings.HasPrefix(name, v.names.Transaction+"."):
			if tx := v.openTransaction(value); tx != nil {
				kept.expires, kept.attributes = tx.Expires, v.transactionAttributes(tx)
			}
		case strings.HasPrefix(name, v.names.Completed+"."):
			if done := v.openCompleted(value); done != nil {
				kept.expires, kept.completed = done.Expires, true
			}
		}
		switch {
		case !strings.HasPrefix(name, v.names.Transaction+".") && !strings.HasPrefix(name, v.names.Completed+"."):
		case kept.expires == 0:
			v.setCookie(cookie.Deletion(name, kept.attributes))
		default:
			live = append(live, kept)
		}
	}
	slices.SortFunc(live, func(a, b open) int {
		if a.completed != b.completed {
			if a.completed {
				return -1
			}
			return 1
		}
		return int(a.expires - b.expires)
	})
	for i := 0; i < len(live)-keep; i++ {
		v.setCookie(cookie.Deletion(live[i].name, live[i].attributes))
	}
}
