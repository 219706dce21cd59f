package revocation

import (
	"strings"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/recent"
)

const (
	// answerLife is how long this process relies on an answer of the store. A session
	// may outlive its revocation by another process for that long.
	answerLife = 5 * time.Second
	// maxAnswers bounds the answers that are remembered: there are at most twice as many.
	maxAnswers = 1 << 15
)

// A cache remembers what a Store last answered about sessions.
type cache struct {
	mu          sync.RWMutex
	answers     *recent.Map[cacheKey, cachedAnswer]
	revocations int // by this process; an answer asked for before one does not count
}

func newCache() *cache {
	return &cache{answers: recent.New[cacheKey, cachedAnswer](answerLife, maxAnswers)}
}

// A cachedAnswer is when a session was revoked, and when the store was asked.
type cachedAnswer struct{ revoked, asked time.Time }

// A cacheKey names a session as Session.ID does, without making a text of it.
type cacheKey struct {
	subject  string
	signedIn int64
	id       string // of the session; of the token where the session has none
	provider string // digest of sid; tells apart two sessions begun in the same second
}

func keyOf(s Session) cacheKey {
	key := cacheKey{subject: s.Subject, signedIn: s.SignedIn.Unix(), id: s.SID, provider: s.ProviderSession}
	if s.SID == "" && (s.Subject == "" || s.SignedIn.IsZero()) {
		key.id = s.TokenID
	}
	return key
}

// clone returns the key with texts of its own. Those of an opened token are parts of one
// text, all of the session's claims, which a key that is kept would hold in memory.
func (k cacheKey) clone() cacheKey {
	return cacheKey{strings.Clone(k.subject), k.signedIn, strings.Clone(k.id), strings.Clone(k.provider)}
}

// get returns what the store answered about a session a moment ago, and false if there
// is no such answer. Pass before to put.
func (c *cache) get(key cacheKey, now time.Time) (revoked time.Time, ok bool, before int) {
	c.mu.RLock()
	last, ok := c.answers.Get(key)
	before = c.revocations
	c.mu.RUnlock()
	age := now.Sub(last.asked)
	return last.revoked, ok && age >= 0 && age < answerLife, before
}

// put keeps an answer, unless this process has revoked something since the store was
// asked.
func (c *cache) put(key cacheKey, answer cachedAnswer, before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revocations != before {
		return
	}
	c.answers.Put(key.clone(), answer, answer.asked)
}

// The methods that forget answers are called after a revocation by this process, so
// that it takes effect here at once.

func (c *cache) forget(key cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revocations++
	c.answers.Delete(key)
}

func (c *cache) forgetUser(userID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revocations++
	c.answers.DeleteFunc(func(k cacheKey) bool { return k.subject == userID })
}

func (c *cache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revocations++
	c.answers.Clear()
}
