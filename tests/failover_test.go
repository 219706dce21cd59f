package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// replicationLag bounds how old a write may be that a master took to its grave: Redis
// answers before its replica has the write.
const replicationLag = time.Second

// A master of a Redis Cluster is killed in the middle of 10,000 requests by 1,000 people
// to two processes. Nobody is taken for another or signed out; those whose session the
// dead master had get 503 until its replica takes over. What was written at the last
// moment may be lost. GINAUTH_FAILOVER=full runs it in full, for the long gate, which
// prints the figures.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	people, requests := 100, 2000
	if os.Getenv("GINAUTH_FAILOVER") == "full" {
		people, requests = 1000, 10_000
	}
	servers := servertest.RedisCluster(t, 3)
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr())
	}
	f := newFleet(t, workerConfig{"cluster", addrs})
	client := clusterClient(addrs)
	t.Cleanup(func() { _ = client.Close() })
	o := &failover{fleet: f, victim: servers[0], client: client, sessions: make([]signedIn, people)}
	f.parallel(people, func(i int) error {
		cookie, _, err := f.signIn(i)
		o.sessions[i] = signedIn{i, cookie, time.Now()}
		return err
	})
	o.hammer(t.Context())
	o.run(requests / 3)
	before := o.take()
	o.kill()
	// Until the replica answers, and then until each process has read the new map of the
	// cluster, which it does once a second.
	for unavailable := -1; !o.back.Load() || o.unavailable() > unavailable; {
		if time.Since(o.killed) > time.Minute {
			t.Fatal("the processes did not find the replica within a minute")
		}
		unavailable = o.unavailable()
		o.run(requests / 10)
	}
	during := o.take()
	o.run(requests / 3)
	after := o.take()
	o.finish()

	report := fmt.Sprintf("\nbefore  %s\nduring  %s\nafter   %s\n%s", before, during, after, o.report())
	t.Log(report)
	if before.unavailable+after.unavailable > 0 {
		t.Error("requests failed while no master was down")
	}
	if took := o.tookMs.Load(); took > 20_000 {
		t.Errorf("the processes needed %d ms to find the replica", took)
	}
	if during.unavailable == 0 {
		t.Error("no request noticed that a master was killed")
	}
}

// unavailable is how many requests of this phase were answered 503.
func (o *failover) unavailable() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.phase.unavailable
}

// A signedIn is somebody's session, and when the answer had it.
type signedIn struct {
	person int
	cookie string
	at     time.Time
}

// A failover is a run in which a master is killed.
type failover struct {
	*fleet
	victim   *servertest.Server
	client   *redis.ClusterClient
	sessions []signedIn

	killed time.Time
	tookMs atomic.Int64 // until the replica answered
	back   atomic.Bool

	mu      sync.Mutex
	phase   phase
	late    []signedIn // sign-ins amid it all
	written []written  // by the hammers
	stop    context.CancelFunc
	hammers sync.WaitGroup
	grants  atomic.Int64 // of locks
	doubled atomic.Int64 // locks that two had at once
}

// A written is what a call to Redis said that it did.
type written struct {
	what  string
	at    time.Time
	holds func(ctx context.Context) (bool, error)
}

// A phase is what requests of a part of the run were answered.
type phase struct {
	ok, unavailable, lost int
	took                  []time.Duration // of those answered 200
}

func (p phase) String() string {
	slices.Sort(p.took)
	at := func(q float64) time.Duration {
		if len(p.took) == 0 {
			return 0
		}
		return p.took[int(q*float64(len(p.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%6d answered 200, %5d answered 503, %d signed out; p50 %v, p99 %v, longest %v",
		p.ok, p.unavailable, p.lost, at(0.5), at(0.99), at(1))
}

// take is the phase that ends.
func (o *failover) take() phase {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.phase
	o.phase = phase{}
	return p
}

// run makes n requests: most read a page, some change the session or sign in anew.
func (o *failover) run(n int) {
	o.t.Helper()
	o.parallel(n, func(i int) error {
		s := o.sessions[(i*7)%len(o.sessions)]
		began := time.Now()
		var res answer
		var err error
		switch {
		case i%50 == 0:
			var cookie string
			cookie, res, err = o.signIn(s.person)
			if cookie != "" {
				o.mu.Lock()
				o.late = append(o.late, signedIn{s.person, cookie, time.Now()})
				o.mu.Unlock()
			} else if err != nil && strings.Contains(res.Header.Get("Location"), "error=SessionUnavailable") {
				res.StatusCode, err = http.StatusServiceUnavailable, nil
			}
			if err == nil && res.StatusCode == http.StatusFound {
				res.StatusCode = http.StatusOK
			}
		case i%10 == 0:
			csrfToken, pair := csrfPair(csrfCookie)
			res, err = o.send(http.MethodPost, "/api/auth/session", s.cookie+"; "+pair, url.Values{"csrfToken": {csrfToken}, "data": {fmt.Sprint(i)}})
			if err == nil && res.StatusCode == http.StatusOK && !strings.Contains(res.body, email(s.person)) {
				return fmt.Errorf("person %d changed the session %s", s.person, res.body)
			}
		default:
			res, err = o.send(http.MethodGet, "/me", s.cookie, nil)
			if err == nil && res.StatusCode == http.StatusOK && res.body != email(s.person) {
				return fmt.Errorf("person %d was taken for %s", s.person, res.body)
			}
		}
		if err != nil {
			return err
		}
		return o.count(res, time.Since(began), s)
	})
}

func (o *failover) count(res answer, took time.Duration, s signedIn) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch res.StatusCode {
	case http.StatusOK:
		o.phase.ok++
		o.phase.took = append(o.phase.took, took)
	case http.StatusServiceUnavailable:
		o.phase.unavailable++
		for _, c := range res.Cookies() {
			if c.Name == sessionCookie {
				return fmt.Errorf("a 503 changes the session cookie: %s", c)
			}
		}
	default:
		o.phase.lost++
		return fmt.Errorf("person %d was answered %d %.200s", s.person, res.StatusCode, res.body)
	}
	return nil
}

// kill kills the master, and watches for the moment from which its replica answers.
func (o *failover) kill() {
	key := ""
	for i := 0; key == ""; i++ { // one that the master has
		master, err := o.client.MasterForKey(o.t.Context(), fmt.Sprint(i))
		if err != nil {
			o.t.Fatal(err)
		}
		if master.Options().Addr == o.victim.Addr() {
			key = fmt.Sprint(i)
		}
	}
	o.killed = time.Now()
	o.victim.Kill()
	go func() {
		for o.t.Context().Err() == nil {
			ctx, cancel := context.WithTimeout(o.t.Context(), time.Second)
			err := o.client.Set(ctx, key, "x", 0).Err()
			cancel()
			if err == nil {
				o.tookMs.Store(time.Since(o.killed).Milliseconds())
				o.back.Store(true)
				return
			}
		}
	}()
}

// hammer writes sessions, revocations and counts, and takes locks, all the time and
// whatever becomes of it.
func (o *failover) hammer(ctx context.Context) {
	ctx, o.stop = context.WithCancel(ctx)
	store, revocations := redisstore.New(o.client, redisstore.Options{}), redisstore.NewRevocations(o.client, redisstore.Options{})
	limiter := redisstore.NewLimiter(o.client, redisstore.Options{})
	rate := ginauth.Rate{Count: 1, Per: time.Hour}
	var held [4]atomic.Int32
	for i, do := range []func(ctx context.Context, n int) (written, error){
		func(ctx context.Context, n int) (written, error) {
			handle, err := store.Create(ctx, "", []byte(`{}`), time.Now().Add(time.Hour))
			return written{what: "sessions", holds: func(ctx context.Context) (bool, error) {
				_, err := store.Get(ctx, handle)
				return found(err)
			}}, err
		},
		func(ctx context.Context, n int) (written, error) {
			subject := fmt.Sprint("subject ", n)
			err := revocations.Revoke(ctx, subject, time.Now(), time.Now().Add(time.Hour))
			return written{what: "revocations", holds: func(ctx context.Context) (bool, error) {
				at, err := revocations.RevokedAt(ctx, subject)
				return !at.IsZero(), err
			}}, err
		},
		func(ctx context.Context, n int) (written, error) {
			key := fmt.Sprint("client ", n)
			_, err := limiter.Allow(ctx, key, rate)
			return written{what: "counts", holds: func(ctx context.Context) (bool, error) {
				wait, err := limiter.Allow(ctx, key, rate)
				return wait > 0, err
			}}, err
		},
		func(ctx context.Context, n int) (written, error) { return written{}, o.lock(ctx, store, held[:], n) },
		func(ctx context.Context, n int) (written, error) { return written{}, o.lock(ctx, store, held[:], n) },
	} {
		o.hammers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				bounded, cancel := context.WithTimeout(ctx, 2*time.Second)
				w, err := do(bounded, n*10+i)
				cancel()
				if err == nil && w.holds != nil {
					w.at = time.Now()
					o.mu.Lock()
					o.written = append(o.written, w)
					o.mu.Unlock()
				}
				pause := time.NewTimer(2 * time.Millisecond)
				select {
				case <-pause.C:
				case <-ctx.Done():
				}
			}
		})
	}
}

func found(err error) (bool, error) {
	if err != nil && strings.Contains(err.Error(), ginauth.ErrNotFound.Error()) {
		return false, nil
	}
	return err == nil, err
}

// lock takes one of a few locks, and counts where another one has it already.
func (o *failover) lock(ctx context.Context, store *redisstore.Store, held []atomic.Int32, n int) error {
	which := n % len(held)
	release, err := store.Lock(ctx, fmt.Sprint("lock ", which))
	if err != nil {
		return err
	}
	o.grants.Add(1)
	if held[which].Add(1) > 1 {
		o.doubled.Add(1)
	}
	held[which].Add(-1)
	release()
	return nil
}

// finish ends the hammers and looks for what calls had said they did.
func (o *failover) finish() {
	o.stop()
	o.hammers.Wait()
	for _, s := range append(slices.Clone(o.sessions), o.late...) {
		o.written = append(o.written, written{"sign-ins", s.at, func(context.Context) (bool, error) {
			res, err := o.send(http.MethodGet, "/me", s.cookie, nil)
			if err == nil && res.StatusCode == http.StatusOK && res.body != email(s.person) {
				o.t.Errorf("in the end person %d is taken for %s", s.person, res.body)
			}
			if err == nil && res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnauthorized {
				err = fmt.Errorf("person %d is answered %d", s.person, res.StatusCode)
			}
			return res.StatusCode == http.StatusOK, err
		}})
	}
}

// report says what was kept and lost, and fails the test where a write was lost that
// the replica had time to receive.
func (o *failover) report() string {
	kept, lost := map[string]int{}, map[string]int{}
	for _, w := range o.written {
		holds, err := w.holds(o.t.Context())
		if err != nil {
			o.t.Errorf("%s: %v", w.what, err)
		}
		if holds {
			kept[w.what]++
			continue
		}
		lost[w.what]++
		if age := o.killed.Sub(w.at); age > replicationLag || age < -time.Duration(o.tookMs.Load())*time.Millisecond {
			o.t.Errorf("a write (%s) is lost that was answered %v before the master was killed", w.what, age)
		}
	}
	text := fmt.Sprintf("the replica answered %d ms after its master was killed; %d locks were taken, %d while another had them",
		o.tookMs.Load(), o.grants.Load(), o.doubled.Load())
	for _, what := range []string{"sign-ins", "sessions", "revocations", "counts"} {
		text += fmt.Sprintf("\n%s: %d of %d answered writes are lost", what, lost[what], lost[what]+kept[what])
		if kept[what] == 0 {
			o.t.Errorf("no %s were written", what)
		}
	}
	return text
}
