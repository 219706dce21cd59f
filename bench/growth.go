package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// A growth is how the guarded request's cost grows with one number.
type growth struct {
	of     string // what is counted
	points []point
}

// A point is the cost at one number.
type point struct {
	n int
	cost
}

// A grown is one growth that is to be measured.
type grown struct {
	of      string
	numbers []int
	open    func(n int) (s *site, headers []string, all []person, err error)
}

var growths = []grown{
	// A session has at most 32 KB of claims. In a store that costs next to nothing, they
	// are all that grows.
	{"claims in the session, in a store", []int{1, 10, 100, 1000, 2500}, func(n int) (*site, []string, []person, error) {
		claims := map[string]any{}
		for i := range n {
			claims["c"+strconv.Itoa(i)] = 1
		}
		return openGrown(people(1, 0), ginauth.SessionOptions{Store: &mapStore{}}, claims, "")
	}},
	{"cookies that one session is cut into", []int{1, 2, 4, 8, 12}, openChunks},
	{"people who come one after the other", []int{1, 10, 100, 1000, 10_000, 100_000}, func(n int) (*site, []string, []person, error) {
		return openGrown(people(n, 0), ginauth.SessionOptions{}, nil, "")
	}},
	{"other cookies before the session's", []int{1, 4, 16, 64}, func(n int) (*site, []string, []person, error) {
		others := ""
		for i := range n {
			others += fmt.Sprintf("other-%02d=%s; ", i, opaque("other", 24))
		}
		return openGrown(people(1, 0), ginauth.SessionOptions{}, nil, others)
	}},
}

// openGrown signs everybody in and returns the Cookie headers of their browsers.
func openGrown(all []person, session ginauth.SessionOptions, claims map[string]any, others string) (*site, []string, []person, error) {
	s, err := openGuarded(&crowd{people: all}, session, claims, (*ginauth.Auth).RequireSession)
	if err != nil {
		return nil, nil, nil, err
	}
	headers := make([]string, len(all))
	for i, pairs := range s.pairs {
		headers[i] = others + pairs
	}
	return s, headers, all, nil
}

// openChunks is a session in that many cookies, as next-auth cuts it. ginauth itself seals
// no more than servers take in their headers, and reads more.
func openChunks(n int) (*site, []string, []person, error) {
	const chunk = 3933
	length := 0
	if n > 1 {
		length = (n-1)*chunk*3/4 - 150 // there are other claims
	}
	all := people(1, length)
	s, err := openGinauth(false)(&crowd{people: all})
	if err != nil {
		return nil, nil, nil, err
	}
	keys, err := token.V4.Keyring("", secret)
	if err != nil {
		return nil, nil, nil, err
	}
	p, now := all[0], time.Now()
	claims, err := json.Marshal(map[string]any{
		"sub": p.Subject, "name": p.Name, "email": p.Email, "picture": p.Picture, "accessToken": p.AccessToken,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": token.NewID(),
	})
	if err != nil {
		return nil, nil, nil, err
	}
	var pairs []string
	for part := range slices.Chunk([]byte(keys.Seal(claims)), chunk) {
		pairs = append(pairs, fmt.Sprintf("%s.%d=%s", sessionCookie, len(pairs), part))
	}
	if n == 1 {
		pairs[0] = strings.Replace(pairs[0], ".0", "", 1)
	}
	if len(pairs) != n {
		return nil, nil, nil, fmt.Errorf("the session has %d cookies", len(pairs))
	}
	return s, []string{strings.Join(pairs, "; ")}, all, nil
}

// measureGrowth measures all growths, in rounds, with at most that many people.
func measureGrowth(rounds int, slice time.Duration, most int) ([]growth, error) {
	var all []growth
	for _, g := range growths {
		measured := growth{of: g.of}
		var loads []*load
		for _, n := range g.numbers {
			if n > most {
				break
			}
			s, headers, known, err := g.open(n)
			if err != nil {
				return nil, fmt.Errorf("%d %s: %w", n, g.of, err)
			}
			loads = append(loads, &load{name: g.of, sessions: len(known), start: func() operation {
				browser := newClient(s, "/", known, headers)
				return func(i int) error {
					if got := browser.get(i); got.saw != known[i] {
						return fmt.Errorf("status %d, read %q, want %q", got.status, got.saw.Subject, known[i].Subject)
					}
					return nil
				}
			}})
		}
		if err := measure(loads, rounds, slice); err != nil {
			return nil, err
		}
		for i, l := range loads {
			measured.points = append(measured.points, point{g.numbers[i], l.median()})
		}
		all = append(all, measured)
	}
	return all, nil
}

// growthTable has all points.
func growthTable(all []growth) string {
	var b strings.Builder
	b.WriteString("| | number | µs | for each further one, ns | allocations | B |\n|---|--:|--:|--:|--:|--:|\n")
	for _, g := range all {
		for i, p := range g.points {
			further := ""
			if i > 0 {
				before := g.points[i-1]
				further = fmt.Sprintf("%.1f", (p.nanoseconds-before.nanoseconds)/float64(p.n-before.n))
			}
			fmt.Fprintf(&b, "| %s | %d | %.1f | %s | %.0f | %.0f |\n", g.of, p.n, p.nanoseconds/1000, further, p.allocations, p.bytes)
		}
	}
	return b.String()
}

// A mapStore keeps sessions in a map.
type mapStore struct {
	mu   sync.RWMutex
	kept map[string][]byte
}

func (s *mapStore) Create(_ context.Context, _ string, data []byte, _ time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	handle := "session-" + strconv.Itoa(len(s.kept))
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[handle] = data
	return handle, nil
}

func (s *mapStore) Get(_ context.Context, handle string) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if data, ok := s.kept[handle]; ok {
		return data, nil
	}
	return nil, ginauth.ErrNotFound
}

func (s *mapStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	if _, err := s.Get(ctx, handle); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[handle] = data
	return handle, nil
}

func (s *mapStore) Delete(_ context.Context, handle string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, handle)
	return nil
}

// HeedsContext says that no call outlives its context: none waits for anything.
func (*mapStore) HeedsContext() bool { return true }
