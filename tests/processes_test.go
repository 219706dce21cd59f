package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/ginauth/ginauth/internal/servertest"
)

// Two processes behind a round robin: a thousand people sign in, ten thousand
// requests follow, and none of them is signed out or taken for somebody else. Then
// some of them sign in at a second device, see both, end one, and end all.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	for kind, start := range map[string]func(testing.TB) *servertest.Server{
		"redis":    func(t testing.TB) *servertest.Server { return servertest.Redis(t) },
		"postgres": servertest.Postgres,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const people, requests, withDevices = 1000, 10_000, 100
			f := newFleet(t, workerConfig{kind, []string{start(t).Addr()}})
			sessions := make([]string, people)
			f.parallel(people, func(i int) (err error) {
				sessions[i], _, err = f.signIn(i)
				return err
			})
			f.parallel(requests, func(i int) error {
				res, err := f.send(http.MethodGet, "/me", sessions[i%people], nil)
				if err == nil && (res.StatusCode != http.StatusOK || res.body != email(i%people)) {
					err = fmt.Errorf("person %d was answered %d %s", i%people, res.StatusCode, res.body)
				}
				return err
			})
			f.parallel(withDevices, func(i int) error { return f.endDevices(i, sessions[i]) })
			for i, session := range sessions[:withDevices+10] { // and nobody else's have ended
				want := http.StatusUnauthorized
				if i >= withDevices {
					want = http.StatusOK
				}
				if res, err := f.send(http.MethodGet, "/me", session, nil); err != nil || res.StatusCode != want {
					t.Errorf("person %d is answered %v, %v; want %d", i, res.StatusCode, err, want)
				}
			}
		})
	}
}

// endDevices ends a person's sessions, one and then all, after they signed in at a
// second device. Each end holds in both processes at once.
func (f *fleet) endDevices(i int, first string) error {
	second, _, err := f.signIn(i)
	if err != nil {
		return err
	}
	opens := func(session string) (n int, err error) {
		for process := range f.processes {
			res, err := f.sendTo(process, http.MethodGet, "/me", session, nil)
			if err != nil {
				return 0, err
			}
			if res.StatusCode == http.StatusOK && res.body == email(i) {
				n++
			} else if res.StatusCode != http.StatusUnauthorized {
				return 0, fmt.Errorf("person %d was answered %d %s", i, res.StatusCode, res.body)
			}
		}
		return n, nil
	}
	res, err := f.send(http.MethodGet, "/devices", first, nil)
	if err != nil {
		return err
	}
	var devices []struct{ ID string }
	if err := json.Unmarshal([]byte(res.body), &devices); err != nil || len(devices) != 2 {
		return fmt.Errorf("person %d has the devices %s, %v", i, res.body, err)
	}
	if res, err := f.send(http.MethodPost, "/devices/end?id="+devices[i%2].ID, first, nil); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("ending one: %d %v", res.StatusCode, err)
	}
	a, err := opens(first)
	if err != nil {
		return err
	}
	b, err := opens(second)
	if err != nil {
		return err
	}
	if a+b != len(f.processes) || a == b {
		return fmt.Errorf("of two devices one was ended, and they open in %d and %d processes", a, b)
	}
	left := first
	if b > 0 {
		left = second
	}
	if res, err := f.send(http.MethodPost, "/devices/end-all", left, nil); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("ending all: %d %v", res.StatusCode, err)
	}
	for _, session := range []string{first, second} {
		if n, err := opens(session); err != nil || n > 0 {
			return fmt.Errorf("after the end of all, a session opens in %d processes, %v", n, err)
		}
	}
	return nil
}
