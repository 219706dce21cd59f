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

// meetingStore lets List answer when two ask, to both what holds before either goes on.
type meetingStore struct {
	*redisstore.Store
	asked, read sync.WaitGroup
	mu          sync.Mutex
	n           int
}

func (m *meetingStore) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	m.mu.Lock()
	i := m.n
	m.n++
	m.mu.Unlock()
	if i >= 2 {
		return m.Store.List(ctx, userID)
	}
	m.asked.Done()
	m.asked.Wait()
	list, err := m.Store.List(ctx, userID)
	m.read.Done()
	m.read.Wait()
	return list, err
}

// Somebody signs in on two devices at once where one session is allowed. One of them
// stays signed in.
func TestMaxPerUser_TwoSignInsAtOnce(t *testing.T) {
	t.Parallel()
	m := &meetingStore{Store: redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})}
	m.asked.Add(2)
	m.read.Add(2)
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

// A session of a process whose clock is ahead by a few seconds may have begun at the same
// moment, and stays beside the one that begins. Further ahead it is old like any other.
func TestMaxPerUser_ClockAhead(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	for ahead, stay := range map[time.Duration]int{-time.Second: 1, 3 * time.Second: 2, 8 * time.Second: 1, 5 * time.Minute: 1} {
		store := &aheadStore{redisstore.New(client, redisstore.Options{}), ahead}
		person := fmt.Sprintf("ada%d", ahead)
		for _, store := range []ginauth.SessionStore{store, store.Store} {
			a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store, MaxPerUser: 1}})
			a.enterAs(t, person)
		}
		a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store.Store}})
		if list, err := a.auth.Sessions(t.Context(), "u-"+person); err != nil || len(list) != stay {
			t.Errorf("ahead by %v: %d sessions stay, want %d, %v", ahead, len(list), stay, err)
		}
	}
}
