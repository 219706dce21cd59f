package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	redis.SetLogger(silence{})
	m.Run()
}

// silence is for go-redis, which logs each connection that a stopped server refuses.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func newClient(t testing.TB) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: servertest.Redis(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

const claims = `{"sub":"ada","n":12345678901234567890}`

func create(t testing.TB, s *redisstore.Store, userID string, expires time.Time) string {
	t.Helper()
	handle, err := s.Create(t.Context(), userID, []byte(claims), expires)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

// A reader of the Redis finds no handle: neither in a key nor in a value.
func TestHandlesAreNotAtRest(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{Prefix: "app:"})
	seen := map[string]bool{}
	for range 50 {
		handle := create(t, s, "ada", time.Now().Add(time.Hour))
		if len(handle) != 43 || seen[handle] {
			t.Fatalf("the handle %q", handle)
		}
		seen[handle] = true
		if data, err := s.Get(t.Context(), handle); string(data) != claims || err != nil {
			t.Fatalf("%s %v", data, err)
		}
	}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 51 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	for _, key := range keys {
		dump := key
		if strings.HasPrefix(key, "app:session:") {
			dump += client.Get(t.Context(), key).Val()
		} else {
			dump += fmt.Sprint(client.ZRange(t.Context(), key, 0, -1).Val())
		}
		for handle := range seen {
			if strings.Contains(dump, handle) {
				t.Errorf("%s holds the handle %s", key, handle)
			}
		}
		if !strings.HasPrefix(key, "app:") {
			t.Errorf("the key %s has another prefix", key)
		}
		if ttl := client.PTTL(t.Context(), key).Val(); ttl <= 59*time.Minute || ttl > time.Hour {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
}

// A session ends at its time even where Redis keeps it, and the index forgets it.
func TestExpiry(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	var ahead atomic.Int64
	s := redisstore.New(client, redisstore.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	short := create(t, s, "ada", time.Now().Add(time.Minute))
	long := create(t, s, "ada", time.Now().Add(time.Hour))
	for _, key := range client.Keys(t.Context(), "*").Val() {
		client.Persist(t.Context(), key)
	}
	ahead.Store(int64(2 * time.Minute))
	if _, err := s.Get(t.Context(), short); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("the record counts after its end: %v", err)
	}
	if _, err := s.Update(t.Context(), short, []byte(claims), time.Now().Add(time.Hour)); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("and is updated: %v", err)
	}
	if list, err := s.List(t.Context(), "ada"); len(list) != 1 || err != nil {
		t.Errorf("listed are %v %v", list, err)
	}
	if _, err := s.Update(t.Context(), long, []byte(claims), time.Now().Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := indexed(t, client); n != 1 {
		t.Errorf("the index has %d entries", n)
	}
}

// indexed counts the entries of the only index.
func indexed(t testing.TB, client *redis.Client) int64 {
	t.Helper()
	keys := client.Keys(t.Context(), "ginauth:user:*").Val()
	if len(keys) == 0 {
		return 0
	}
	return client.ZCard(t.Context(), keys[0]).Val()
}

func TestDelete(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	hour := time.Now().Add(time.Hour)
	handle := create(t, s, "ada", hour)
	if err := s.Delete(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Get":    func() error { _, err := s.Get(t.Context(), handle); return err }(),
		"Update": func() error { _, err := s.Update(t.Context(), handle, []byte(claims), hour); return err }(),
	} {
		if !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("%s of a deleted session: %v", name, err)
		}
	}
	if err := s.Delete(t.Context(), handle); err != nil {
		t.Errorf("deleting again: %v", err)
	}
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left: %v", n, client.Keys(t.Context(), "*"))
	}
}

// However updates and the deletion interleave, the session is gone in the end.
func TestUpdateBringsNothingBack(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	hour := time.Now().Add(time.Hour)
	for range 50 {
		handle := create(t, s, "ada", hour)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if i == 4 {
					if err := s.Delete(t.Context(), handle); err != nil {
						t.Error(err)
					}
					return
				}
				if _, err := s.Update(t.Context(), handle, []byte(claims), hour); err != nil && !errors.Is(err, ginauth.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
			t.Fatalf("it came back: %v", err)
		}
	}
	if list, err := s.List(t.Context(), "ada"); len(list) != 0 || err != nil {
		t.Errorf("listed are %v %v", list, err)
	}
}

func TestUserSessions(t *testing.T) {
	t.Parallel()
	s := redisstore.New(newClient(t), redisstore.Options{})
	hour := time.Now().Add(time.Hour)
	ada, other, grace, nobody := create(t, s, "ada", hour), create(t, s, "ada", hour), create(t, s, "grace", hour), create(t, s, "", hour)
	ids := func(userID string) (ids []string) {
		t.Helper()
		list, err := s.List(t.Context(), userID)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			ids = append(ids, one.ID)
			if string(one.Data) != claims {
				t.Errorf("data %s", one.Data)
			}
		}
		return ids
	}
	if len(ids("ada")) != 2 || len(ids("grace")) != 1 || len(ids("")) != 0 || len(ids("*")) != 0 {
		t.Fatal(ids("ada"), ids("grace"), ids(""), ids("*"))
	}
	if err := s.DeleteListed(t.Context(), "ada", ids("grace")[0]); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("Ada ends Grace's session: %v", err)
	}
	if err := s.DeleteListed(t.Context(), "grace", ids("grace")[0]); err != nil {
		t.Error(err)
	}
	if err := s.DeleteUser(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	for handle, want := range map[string]bool{ada: false, other: false, grace: false, nobody: true} {
		if _, err := s.Get(t.Context(), handle); (err == nil) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if len(ids("ada"))+len(ids("grace")) != 0 {
		t.Error("ended sessions are listed")
	}
}

// An expired session does not count, even if Redis, by its own clock, still has it.
func TestDeleteListed_Expired(t *testing.T) {
	t.Parallel()
	var c clock
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{Now: c.now})
	create(t, s, "ada", c.now().Add(time.Hour))
	list, err := s.List(t.Context(), "ada")
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	c.move(time.Hour)
	if err := s.DeleteListed(t.Context(), "ada", list[0].ID); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("at its end: %v", err)
	}
	c.move(-time.Millisecond)
	if err := s.DeleteListed(t.Context(), "ada", list[0].ID); err != nil {
		t.Errorf("a moment before: %v", err)
	}
	if err := s.DeleteListed(t.Context(), "ada", list[0].ID); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
}

// An index that names another person's session lists and tells nothing of it.
func TestListOfAnother(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	hour := time.Now().Add(time.Hour)
	create(t, s, "ada", hour)
	index := client.Keys(t.Context(), "ginauth:user:*").Val()
	create(t, s, "grace", hour)
	list, err := s.List(t.Context(), "grace")
	if err != nil || len(list) != 1 || len(index) != 1 {
		t.Fatal(list, index, err)
	}
	if err := client.ZAdd(t.Context(), index[0], redis.Z{Score: float64(hour.UnixMilli()), Member: list[0].ID}).Err(); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(t.Context(), "ada"); err != nil || len(list) != 1 {
		t.Errorf("Ada has %d sessions, %v", len(list), err)
	}
}

// The index lives as long as the last session in it, in whichever order they come:
// without it nobody could end that session with the others.
func TestIndexLife(t *testing.T) {
	t.Parallel()
	for _, lives := range [][]time.Duration{{time.Hour, time.Minute}, {time.Minute, time.Hour}} {
		client := newClient(t)
		s := redisstore.New(client, redisstore.Options{})
		for _, life := range lives {
			create(t, s, "ada", time.Now().Add(life))
		}
		for _, key := range client.Keys(t.Context(), "ginauth:user:*").Val() {
			if ttl := client.PTTL(t.Context(), key).Val(); ttl <= 59*time.Minute {
				t.Errorf("%v: the index lives for %v", lives, ttl)
			}
		}
	}
}

// A handle comes from a cookie. Whatever is written in it, it is no path to a
// record: only its hash is looked for.
func TestAttack36_HandleAsKey(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	record := fmt.Sprintf(`{"user":"ada","expires":%d,"data":%s}`, time.Now().Add(time.Hour).UnixMilli(), claims)
	for _, handle := range []string{
		"../../" + strings.Repeat("x", 37), strings.Repeat("a", 43), "../x", "x", "*", "", strings.Repeat("../", 14) + "x",
	} {
		for _, key := range []string{handle, "session:" + handle, "ginauth:session:" + handle} {
			if err := client.Set(t.Context(), key, record, time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if data, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) || len(data) > 0 {
			t.Errorf("%q leads to %s, %v", handle, data, err)
		}
		if _, err := s.Update(t.Context(), handle, []byte(claims), time.Now().Add(time.Hour)); !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("%q is updated: %v", handle, err)
		}
		if err := s.Delete(t.Context(), handle); err != nil {
			t.Error(err)
		}
		if got := client.Get(t.Context(), "ginauth:session:"+handle).Val(); got != record {
			t.Errorf("%q deleted another record", handle)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	here, there := redisstore.New(client, redisstore.Options{}), redisstore.New(client, redisstore.Options{})
	var inside, most, times atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		s := [2]*redisstore.Store{here, there}[i%2]
		wg.Go(func() {
			release, err := s.Lock(t.Context(), "a handle")
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			times.Add(1)
			client.Ping(t.Context())
			inside.Add(-1)
		})
	}
	wg.Wait()
	if most.Load() != 1 || times.Load() != 8 {
		t.Errorf("%d held it at once, %d in all", most.Load(), times.Load())
	}

	// A lock that has run out is another's, and letting go of the first leaves it.
	release, err := here.Lock(t.Context(), "a handle")
	if err != nil {
		t.Fatal(err)
	}
	key := client.Keys(t.Context(), "ginauth:lock:*").Val()[0]
	if strings.Contains(key, "a handle") || client.PTTL(t.Context(), key).Val() > 15*time.Second || client.PTTL(t.Context(), key).Val() <= 0 {
		t.Errorf("the lock %s lives for %v", key, client.PTTL(t.Context(), key))
	}
	client.Del(t.Context(), key)
	again, err := there.Lock(t.Context(), "a handle")
	if err != nil {
		t.Fatal(err)
	}
	release()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := here.Lock(ctx, "a handle"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that is held is given: %v", err)
	}
	again()
	again()
	if client.Exists(t.Context(), key).Val() != 0 {
		t.Error("the lock is still held")
	}
}

// Of revocations by many processes at once the latest counts, and the longest
// life.
func TestRevocations(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	r := redisstore.NewRevocations(client, redisstore.Options{})
	now := time.Now().Truncate(time.Second)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := r.Revoke(t.Context(), "user:ada", now.Add(time.Duration(i)*time.Second), now.Add(time.Duration(60-i)*time.Minute))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, row := range []struct {
		subjects []string
		want     time.Time
	}{
		{nil, time.Time{}},
		{[]string{"user:grace"}, time.Time{}},
		{[]string{"user:ada"}, now.Add(19 * time.Second)},
		{[]string{"user:grace", "user:ada", ""}, now.Add(19 * time.Second)},
	} {
		if got, err := r.RevokedAt(t.Context(), row.subjects...); !got.Equal(row.want) || err != nil {
			t.Errorf("%v: %v %v, want %v", row.subjects, got, err, row.want)
		}
	}
	key := client.Keys(t.Context(), "*").Val()[0]
	if ttl := client.PTTL(t.Context(), key).Val(); ttl < 59*time.Minute || strings.Contains(key, "user:ada") {
		t.Errorf("%s lives for %v", key, ttl)
	}
	// A record that cannot be read may have ended a session: nobody can tell.
	client.Set(t.Context(), key, "no time", 0)
	if _, err := r.RevokedAt(t.Context(), "user:ada"); err == nil {
		t.Error("a spoilt revocation counts as none")
	}
	if err := r.Revoke(t.Context(), "user:ada", now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := r.RevokedAt(t.Context(), "user:ada"); !got.Equal(now) || err != nil {
		t.Errorf("and stays spoilt: %v %v", got, err)
	}
}

// A key of another type is no session, and a user without sessions has none.
func TestStrangeKeys(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	handle := create(t, s, "ada", time.Now().Add(time.Hour))
	key := client.Keys(t.Context(), "ginauth:session:*").Val()[0]
	client.Del(t.Context(), key)
	client.LPush(t.Context(), key, "x")
	if _, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), handle); err != nil || client.Exists(t.Context(), key).Val() != 0 {
		t.Error(err)
	}
}

// A Redis Cluster refuses commands whose keys lie in different slots, also where
// one server has them all.
func TestCluster(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
	node := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = node.Close() })
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok"); {
		if time.Since(start) > 30*time.Second {
			t.Fatal("the cluster does not come up")
		}
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}})
	t.Cleanup(func() { _ = client.Close() })
	hour := time.Now().Add(time.Hour)
	s := redisstore.New(client, redisstore.Options{})
	handles := []string{create(t, s, "ada", hour), create(t, s, "ada", hour), create(t, s, "ada", hour)}
	if _, err := s.Update(t.Context(), handles[0], []byte(claims), hour); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), handles[0]); err != nil {
		t.Error(err)
	}
	if list, err := s.List(t.Context(), "ada"); len(list) != 2 || err != nil {
		t.Errorf("%v %v", list, err)
	}
	if err := s.DeleteUser(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	for _, handle := range handles {
		if _, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
			t.Error(err)
		}
	}
	release, err := s.Lock(t.Context(), handles[0])
	if err != nil {
		t.Fatal(err)
	}
	release()
	r := redisstore.NewRevocations(client, redisstore.Options{})
	for _, subject := range []string{"a", "b", "c"} {
		if err := r.Revoke(t.Context(), subject, hour, hour); err != nil {
			t.Error(err)
		}
	}
	if at, err := r.RevokedAt(t.Context(), "a", "b", "c", "d"); !at.Equal(hour.Truncate(time.Millisecond)) || err != nil {
		t.Errorf("%v %v", at, err)
	}
}

// A page that shows people where they are signed in, and signs them out there.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: "an example secret of 32 bytes or so",
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
		Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{Prefix: "shop:"})},
		Callbacks: ginauth.Callbacks{JWT: func(c *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger == ginauth.TriggerSignIn {
				p.Token.Claims["device"] = c.Request.UserAgent()
			}
			return nil
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	devices := r.Group("/devices", auth.RequireSession())
	devices.GET("", func(c *gin.Context) {
		list, err := auth.Sessions(c, ginauth.GetSession(c).User.ID)
		if err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
			return
		}
		for _, s := range list {
			_, _ = fmt.Fprintln(c.Writer, s.ID, s.Claims["device"], s.LastUsed, s.SignedIn.Equal(ginauth.GetToken(c).AuthTime))
		}
	})
	devices.POST("/:id/end", func(c *gin.Context) {
		if err := auth.EndSession(c, ginauth.GetSession(c).User.ID, c.Param("id")); err != nil {
			c.AbortWithStatus(http.StatusNotFound)
		}
	})
	fmt.Println(len(r.Routes()) > 2)
	// Output: true
}

// A user who is signed out everywhere is signed out in all processes that share the Redis.
func ExampleNewRevocations() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	auth, err := ginauth.New(ginauth.Options{
		Secret:  "an example secret of 32 bytes or so",
		BaseURL: "https://app.example.com",
		Session: ginauth.SessionOptions{Revocations: redisstore.NewRevocations(client, redisstore.Options{})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := gin.New()
	r.POST("/password", auth.RequireSession(), func(c *gin.Context) {
		if err := auth.RevokeUser(c, ginauth.GetSession(c).User.ID); err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
		}
	})
	fmt.Println(r.Routes()[0].Path)
	// Output: /password
}

// UpdateIf replaces what was read, and nothing else.
func TestUpdateIf(t *testing.T) {
	t.Parallel()
	s := redisstore.New(newClient(t), redisstore.Options{})
	soon := time.Now().Add(time.Hour)
	handle := create(t, s, "ada", soon)
	old, err := s.Get(t.Context(), handle)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateIf(t.Context(), handle, []byte(`{"sub":"eve"}`), []byte(`{"n":0}`), soon); !errors.Is(err, ginauth.ErrConflict) {
		t.Errorf("in place of what is not there: %v", err)
	}
	if data, err := s.Get(t.Context(), handle); string(data) != string(old) || err != nil {
		t.Errorf("a conflict left %s, %v", data, err)
	}
	same, err := s.UpdateIf(t.Context(), handle, old, []byte(`{"a":"<&>"}`), soon)
	if same != handle || err != nil {
		t.Errorf("%q %v", same, err)
	}
	if old, err = s.Get(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateIf(t.Context(), handle, old, []byte(`{"a":2}`), soon); err != nil {
		t.Errorf("in place of what Get returned: %v", err)
	}
	if err := s.Delete(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{handle, "short", strings.Repeat("a", 43)} {
		if _, err := s.UpdateIf(t.Context(), gone, []byte(`{"a":2}`), []byte(`{}`), soon); !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("%q is gone: %v", gone, err)
		}
	}
	if _, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("it came back: %v", err)
	}
}

// deleting deletes the record of a comparing script right before the script runs.
type deleting struct{ client redis.UniversalClient }

func (d deleting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d deleting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (d deleting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); strings.HasPrefix(cmd.Name(), "eval") {
			if err := d.client.Del(ctx, args[3].(string)).Err(); err != nil {
				return err
			}
		}
		return next(ctx, cmd)
	}
}

// A record that is deleted between the reading and the comparing is gone.
func TestUpdateIf_DeletedMeanwhile(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	s := redisstore.New(client, redisstore.Options{})
	soon := time.Now().Add(time.Hour)
	handle := create(t, s, "ada", soon)
	old, err := s.Get(t.Context(), handle)
	if err != nil {
		t.Fatal(err)
	}
	client.AddHook(deleting{client})
	if _, err := s.UpdateIf(t.Context(), handle, old, []byte(`{"a":2}`), soon); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("it is updated: %v", err)
	}
}

// Of many who replace one record at once, each on what it has read, none is lost.
func TestUpdateIf_NoneIsLost(t *testing.T) {
	t.Parallel()
	s := redisstore.New(newClient(t), redisstore.Options{})
	soon := time.Now().Add(time.Hour)
	handle, err := s.Create(t.Context(), "ada", []byte(`[]`), soon)
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				for err := ginauth.ErrConflict; err != nil; {
					var old []byte
					if old, err = s.Get(t.Context(), handle); err != nil {
						t.Error(err)
						return
					}
					next := strings.TrimSuffix(string(old), "]") + fmt.Sprintf(",%d]", w*each+i)
					_, err = s.UpdateIf(t.Context(), handle, old, []byte(strings.Replace(next, "[,", "[", 1)), soon)
					if err != nil && !errors.Is(err, ginauth.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	data, err := s.Get(t.Context(), handle)
	if n := strings.Count(string(data), ",") + 1; n != writers*each || err != nil {
		t.Errorf("%d of %d are there, %v", n, writers*each, err)
	}
}
