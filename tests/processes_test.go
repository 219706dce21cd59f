package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/procgroup"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// workerVariable is set for a copy of this program that is one process of an
// application: it holds the address of the Redis they share.
const workerVariable = "GINAUTH_TEST_WORKER"

// work is such a process: it prints its address and serves until its input ends.
func work() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(workerVariable)})
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: testSecret, Providers: []ginauth.Provider{members()},
		// One site in front of all processes: its address is not theirs.
		BaseURL: "http://app.example.com",
		Session: ginauth.SessionOptions{
			Store:       redisstore.New(client, redisstore.Options{}),
			Revocations: redisstore.NewRevocations(client, redisstore.Options{}),
		},
	})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.Email) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		return
	}
	go func() { _ = http.Serve(l, r) }()
	fmt.Println("at", l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// process starts a process of the application and returns its URL.
func process(t *testing.T, redisAddr string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+redisAddr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	end, err := procgroup.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		end()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "at ")
	if err != nil || !ok {
		t.Fatalf("the process said %q: %v", line, err)
	}
	return "http://" + addr
}

// Two processes behind a round robin: a thousand people sign in, ten thousand
// requests follow, and none of them is signed out or taken for somebody else.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	const people, requests, browsers = 1000, 10_000, 16
	server := servertest.Redis(t)
	processes := [2]string{process(t, server.Addr()), process(t, server.Addr())}
	var turn atomic.Int64
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: browsers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	send := func(method, path, cookies string, form url.Values) (answer, error) {
		req, err := http.NewRequest(method, processes[turn.Add(1)%2]+path, strings.NewReader(form.Encode()))
		if err != nil {
			return answer{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", cookies)
		res, err := client.Do(req)
		if err != nil {
			return answer{}, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return answer{res, string(body)}, err
	}
	parallel := func(n int, do func(i int) error) {
		t.Helper()
		var wg sync.WaitGroup
		var next, failed atomic.Int64
		for range browsers {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					if err := do(i); err != nil && failed.Add(1) < 10 {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := failed.Load(); n > 0 {
			t.Fatalf("%d failed", n)
		}
	}

	sessions := make([]string, people)
	parallel(people, func(i int) error {
		csrfToken, pair := csrfPair(csrfCookie)
		res, err := send(http.MethodPost, "/api/auth/callback/credentials", pair, url.Values{
			"csrfToken": {csrfToken}, "username": {fmt.Sprint("person", i)}, "password": {adasPassword},
		})
		if err != nil {
			return err
		}
		c := setCookies(res)[sessionCookie]
		if c == nil {
			return fmt.Errorf("person %d was not signed in: %d %s", i, res.StatusCode, res.body)
		}
		sessions[i] = sessionCookie + "=" + c.Value
		return nil
	})
	parallel(requests, func(i int) error {
		res, err := send(http.MethodGet, "/me", sessions[i%people], nil)
		if want := fmt.Sprintf("person%d@example.com", i%people); err == nil && (res.StatusCode != http.StatusOK || res.body != want) {
			err = fmt.Errorf("person %d was answered %d %s", i%people, res.StatusCode, res.body)
		}
		return err
	})
}
