package tests

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// meetingStore lets List answer when two ask.
type meetingStore struct {
	*redisstore.Store
	both sync.WaitGroup
	mu   sync.Mutex
	n    int
}

func (m *meetingStore) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	m.mu.Lock()
	i := m.n
	m.n++
	m.mu.Unlock()
	if i < 2 {
		m.both.Done()
		m.both.Wait()
	}
	return m.Store.List(ctx, userID)
}

// Somebody signs in on two devices at once where one session is allowed. One of them
// stays signed in.
func TestMaxPerUser_TwoSignInsAtOnce(t *testing.T) {
	t.Parallel()
	m := &meetingStore{Store: redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})}
	m.both.Add(2)
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: m, MaxPerUser: 1}})
	browsers := []*browser{a.browser(t), a.browser(t)}
	var wg sync.WaitGroup
	for _, b := range browsers {
		wg.Go(func() { b.signInAs("ada") })
	}
	wg.Wait()
	in := 0
	for _, b := range browsers {
		if b.get("/me").StatusCode == http.StatusOK {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d of two sign-ins at once are signed in, with MaxPerUser 1", in)
	}
}

var bornAt = regexp.MustCompile(`"born":(\d+)`)

// aheadStore is a store of a process whose clock is ahead.
type aheadStore struct {
	*redisstore.Store
	ahead time.Duration
}

func (s *aheadStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	data = bornAt.ReplaceAllFunc(data, func(born []byte) []byte {
		at, _ := strconv.ParseInt(string(bornAt.FindSubmatch(born)[1]), 10, 64)
		return fmt.Appendf(nil, `"born":%d`, at+s.ahead.Microseconds())
	})
	return s.Store.Create(ctx, userID, data, expires)
}

// Sessions that a process with a clock far ahead has begun are not taken for sign-ins of
// the same moment.
func TestMaxPerUser_ClockAhead(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	ahead := &aheadStore{redisstore.New(client, redisstore.Options{}), 5 * time.Minute}
	for _, store := range []ginauth.SessionStore{ahead, ahead.Store} {
		a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store, MaxPerUser: 1}})
		a.enterAs(t, "ada")
	}
	if n := records(t, client); n != 1 {
		t.Errorf("Redis keeps %d records", n)
	}
}
