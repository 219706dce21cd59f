package main

import (
	"errors"
	"testing"
	"time"
)

// TestParsers: each way to read the claims finds the same, in whatever spelling.
func TestParsers(t *testing.T) {
	t.Parallel()
	want := claims{Subject: "u-1", Name: `Ada "L" é`, Email: "ada@example.com", Expires: 1795479638, AccessToken: "a-b_c"}
	for _, payload := range []string{
		`{"sub":"u-1","name":"Ada \"L\" \u00e9","email":"ada@example.com","exp":1795479638,"accessToken":"a-b_c"}`,
		`{ "name" : "Ada \"L\" é", "sub" : "u-1", "email":"ada@example.com", "exp": 1795479638, "accessToken":"a-b_c" }`,
		`{"x":{"sub":"u-2"},"sub":"u-1","picture":null,"name":"Ada \"L\" é","email":"ada@example.com","exp":1795479638,"accessToken":"a-b_c","y":[1,2]}`,
	} {
		for name, parse := range parsers {
			var got claims
			if err := parse(&got, []byte(payload)); err != nil || got != want {
				t.Errorf("%s of %s: %+v, %v", name, payload, got, err)
			}
		}
	}
	plain := `{"sub":"u-1","name":"Ada","iat":1795479000,"exp":1795479638}`
	for name, parse := range parsers {
		var got claims
		if err := parse(&got, []byte(plain)); err != nil || got != (claims{Subject: "u-1", Name: "Ada", Expires: 1795479638}) {
			t.Errorf("%s of %s: %+v, %v", name, plain, got, err)
		}
		for cut := range len(plain) {
			if err := parse(&got, []byte(plain[:cut])); err == nil {
				t.Errorf("%s takes %s", name, plain[:cut])
			}
		}
	}
}

// TestMeasure: every session has its turn, on every goroutine, and a fault ends the
// measurement.
func TestMeasure(t *testing.T) {
	served := make([]int, 7)
	l := &load{name: "counted", sessions: len(served), start: func() operation {
		return func(i int) error { served[i]++; return nil }
	}}
	if err := measure([]*load{l}, 3, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if len(l.rounds) != 3 || l.count < 1 || l.median().nanoseconds <= 0 {
		t.Errorf("%d rounds of %d, %+v", len(l.rounds), l.count, l.median())
	}
	for i, n := range served {
		if n == 0 {
			t.Errorf("session %d was never asked for", i)
		}
	}

	fault := errors.New("the wrong person")
	for _, parallel := range []bool{false, true} {
		l := &load{name: "wrong", sessions: 3, parallel: parallel, start: func() operation {
			return func(i int) error {
				if i == 2 {
					return fault
				}
				return nil
			}
		}}
		if err := measure([]*load{l}, 1, time.Millisecond); !errors.Is(err, fault) {
			t.Errorf("parallel %v: %v", parallel, err)
		}
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		times []float64
		want  float64
	}{{[]float64{5}, 5}, {[]float64{9, 1, 4}, 4}, {[]float64{1, 100, 3, 5}, 4}} {
		l := &load{}
		for _, took := range row.times {
			l.rounds = append(l.rounds, cost{nanoseconds: took})
		}
		if got := l.median().nanoseconds; got != row.want {
			t.Errorf("of %v: %v", row.times, got)
		}
	}
}
