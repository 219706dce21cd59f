package lifetime_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/lifetime"
)

type life = lifetime.Lifetime

// Of a session's own lifetime and everybody's, the shorter counts; zero says nothing.
func TestOf(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ own, all, want life }{
		{life{}, life{MaxAge: 7}, life{MaxAge: 7}},
		{life{MaxAge: 5}, life{MaxAge: 7}, life{MaxAge: 5}},
		{life{MaxAge: 9}, life{MaxAge: 7}, life{MaxAge: 7}},
		{life{AbsoluteMaxAge: 9}, life{MaxAge: 7}, life{MaxAge: 7, AbsoluteMaxAge: 9}},
		{life{}, life{MaxAge: 7, AbsoluteMaxAge: 9}, life{MaxAge: 7, AbsoluteMaxAge: 9}},
		{life{AbsoluteMaxAge: 8}, life{MaxAge: 7, AbsoluteMaxAge: 9}, life{MaxAge: 7, AbsoluteMaxAge: 8}},
		{life{AbsoluteMaxAge: 10}, life{MaxAge: 7, AbsoluteMaxAge: 9}, life{MaxAge: 7, AbsoluteMaxAge: 9}},
		{life{BrowserSession: true}, life{MaxAge: 7}, life{MaxAge: 7, BrowserSession: true}},
		{life{MaxAge: 5}, life{MaxAge: 7, BrowserSession: true}, life{MaxAge: 5, BrowserSession: true}},
	} {
		if got := lifetime.Of(row.own, row.all); got != row.want {
			t.Errorf("%+v of %+v is %+v, want %+v", row.own, row.all, got, row.want)
		}
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	at := func(hours int) time.Time { return time.Unix(1_800_000_000, 0).Add(time.Duration(hours) * time.Hour) }
	for _, row := range []struct {
		life        life
		began, used int
		want        int
	}{
		{life{MaxAge: 2 * time.Hour}, 0, 0, 2},
		{life{MaxAge: 2 * time.Hour}, 0, 9, 11},
		{life{MaxAge: 2 * time.Hour, AbsoluteMaxAge: 10 * time.Hour}, 0, 7, 9},
		{life{MaxAge: 2 * time.Hour, AbsoluteMaxAge: 10 * time.Hour}, 0, 8, 10},
		{life{MaxAge: 2 * time.Hour, AbsoluteMaxAge: 10 * time.Hour}, 0, 9, 10},
		{life{MaxAge: 2 * time.Hour, AbsoluteMaxAge: time.Hour}, 0, 0, 1},
	} {
		if got := row.life.End(at(row.began), at(row.used)); !got.Equal(at(row.want)) {
			t.Errorf("%+v, used at %d, ends at %v, want %v", row.life, row.used, got, at(row.want))
		}
	}
	if _, bounded := (life{MaxAge: time.Hour}).Last(at(0)); bounded {
		t.Error("without an absolute age there is a last moment")
	}
	if last, bounded := (life{AbsoluteMaxAge: time.Hour}).Last(time.Time{}); !bounded || last.After(at(0)) {
		t.Errorf("a session that began at no time ends at %v", last)
	}
}

// A token is sealed again before its session ends, and not more often than others.
func TestUpdateAge(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		own, all, want time.Duration
	}{
		{0, 24 * time.Hour, 24 * time.Hour},
		{time.Hour, 24 * time.Hour, 30 * time.Minute},
		{time.Hour, time.Minute, time.Minute},
		{time.Hour, -1, -1},
	} {
		if got := (life{MaxAge: row.own}).UpdateAge(row.all); got != row.want {
			t.Errorf("%v of %v is %v, want %v", row.own, row.all, got, row.want)
		}
	}
}

// What is longer than it may be is cut to nothing of its own, and told; what is no time
// is an error that says what to write.
func TestChoose(t *testing.T) {
	t.Parallel()
	all := life{MaxAge: 10 * time.Hour, AbsoluteMaxAge: 20 * time.Hour}
	for _, row := range []struct {
		chosen, all, want life
		cuts              string
		fault             string
	}{
		{life{}, all, life{}, "", ""},
		{life{MaxAge: time.Hour, AbsoluteMaxAge: 2 * time.Hour, BrowserSession: true}, all, life{MaxAge: time.Hour, AbsoluteMaxAge: 2 * time.Hour, BrowserSession: true}, "", ""},
		{all, all, all, "", ""},
		{life{MaxAge: 10*time.Hour + 1}, all, life{}, "MaxAge ", ""},
		{life{AbsoluteMaxAge: 21 * time.Hour}, all, life{}, "AbsoluteMaxAge ", ""},
		{life{MaxAge: 11 * time.Hour, AbsoluteMaxAge: 21 * time.Hour}, all, life{}, "MaxAge AbsoluteMaxAge ", ""},
		{life{AbsoluteMaxAge: 21 * time.Hour}, life{MaxAge: time.Hour}, life{AbsoluteMaxAge: 21 * time.Hour}, "", ""},
		{life{MaxAge: 90500 * time.Millisecond}, all, life{MaxAge: 90 * time.Second}, "", ""},
		{life{MaxAge: time.Second}, all, life{MaxAge: time.Second}, "", ""},
		{life{MaxAge: time.Second - 1}, all, life{}, "", "Lifetime.MaxAge is 999.999999ms; write a second or more"},
		{life{MaxAge: -time.Hour}, all, life{}, "", "Lifetime.MaxAge is -1h0m0s"},
		{life{AbsoluteMaxAge: 3600}, all, life{}, "", "Lifetime.AbsoluteMaxAge is 3.6µs"},
	} {
		own, cuts, err := lifetime.Choose(row.chosen, row.all)
		names := ""
		for _, c := range cuts {
			names += c.Name + " "
		}
		if own != row.want || names != row.cuts || (err != nil) != (row.fault != "") || err != nil && !strings.Contains(err.Error(), row.fault) {
			t.Errorf("%+v of %+v is %+v, cut %q, %v", row.chosen, row.all, own, names, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]life{
		`{}`: {},
		`{"maxAge":3600,"absoluteMaxAge":7200,"browserSession":true}`: {time.Hour, 2 * time.Hour, true},
		`{"maxAge":9223372036}`: {MaxAge: 9223372036 * time.Second},
		`{"maxAge":1,"more":2}`: {MaxAge: time.Second},
	} {
		if got, ok := lifetime.Parse(raw); !ok || got != want {
			t.Errorf("%s is %+v, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{``, `"x"`, `7`, `[]`, `{"maxAge":-1}`, `{"absoluteMaxAge":-1}`, `{"maxAge":9223372037}`, `{"maxAge":1.5}`, `{"maxAge":"1"}`, `{"maxAge":1e300}`} {
		if got, ok := lifetime.Parse(raw); ok {
			t.Errorf("%s is %+v", raw, got)
		}
	}
}

// What is written reads as the same, in whole seconds, and nothing that reads is negative.
func FuzzParse(f *testing.F) {
	f.Add(`{"maxAge":3600,"absoluteMaxAge":7200,"browserSession":true}`)
	f.Add(`{"maxAge":-1}`)
	f.Add(`{"maxAge":9223372036854775807}`)
	f.Fuzz(func(t *testing.T, raw string) {
		l, ok := lifetime.Parse(raw)
		if !ok {
			if l != (life{}) {
				t.Fatalf("%q is refused and is %+v", raw, l)
			}
			return
		}
		if min(l.MaxAge, l.AbsoluteMaxAge) < 0 {
			t.Fatalf("%q is %+v", raw, l)
		}
		written, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok := lifetime.Parse(string(written)); !ok || again != l {
			t.Fatalf("%q is %+v, and %s is %+v", raw, l, written, again)
		}
	})
}

// A session ends at the earliest of what its token says and its lifetimes allow. Only the
// end by its own MaxAge has the leeway.
func TestUntil(t *testing.T) {
	t.Parallel()
	const hour, leeway = time.Hour, 15 * time.Second
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := lifetime.Lifetime{MaxAge: 30 * 24 * hour, AbsoluteMaxAge: 90 * 24 * hour}
	for _, row := range []struct {
		name                   string
		own                    lifetime.Lifetime
		began, sealed, expires time.Duration // from now on
		end                    time.Duration
		ok                     bool
	}{
		{"what the token says", lifetime.Lifetime{}, -hour, -hour, hour, hour, true},
		{"the absolute end is earlier", lifetime.Lifetime{}, -90*24*hour + hour, -hour, 2 * hour, hour, true},
		{"the absolute end is past", lifetime.Lifetime{}, -90*24*hour - time.Second, -hour, 2 * hour, -time.Second, false},
		{"its own end is earlier", lifetime.Lifetime{MaxAge: 2 * hour}, -hour, -hour, 3 * hour, hour, true},
		{"its own end is past within the leeway", lifetime.Lifetime{MaxAge: hour}, -hour, -hour - leeway/2, 3 * hour, -leeway / 2, true},
		{"its own end is past", lifetime.Lifetime{MaxAge: hour}, -hour, -hour - 2*leeway, 3 * hour, -2 * leeway, false},
		{"its own absolute end is past", lifetime.Lifetime{AbsoluteMaxAge: hour}, -hour - time.Second, -hour, hour, -time.Second, false},
	} {
		end, ok := row.own.Until(all, now.Add(row.began), now.Add(row.sealed), now.Add(row.expires), now, leeway)
		if !end.Equal(now.Add(row.end)) || ok != row.ok {
			t.Errorf("%s: ends in %v, %v", row.name, end.Sub(now), ok)
		}
	}
	if end, ok := (lifetime.Lifetime{}).Until(all, now, now, time.Time{}, now, leeway); !ok || !end.Equal(now.Add(all.AbsoluteMaxAge)) {
		t.Errorf("a token without an end: %v, %v", end, ok)
	}
}

func TestBegan(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	for said, want := range map[time.Time]time.Time{{}: now, now.Add(-time.Hour): now.Add(-time.Hour), now.Add(time.Hour): now} {
		if got := lifetime.Began(said, now); !got.Equal(want) {
			t.Errorf("said %v: %v", said, got)
		}
	}
}

// The shortest lifetime that there is bounds a session too.
func TestShortest(t *testing.T) {
	t.Parallel()
	if last, bounded := (life{AbsoluteMaxAge: 1}).Last(time.Unix(7, 0)); !bounded || !last.Equal(time.Unix(7, 1)) {
		t.Errorf("%v, %v", last, bounded)
	}
	if got := (life{MaxAge: 1}).UpdateAge(time.Hour); got != 0 {
		t.Errorf("a token of a nanosecond is sealed again after %v", got)
	}
	own, cuts, err := lifetime.Choose(life{MaxAge: time.Second}, life{MaxAge: 1})
	if err != nil || own.MaxAge != 0 || len(cuts) != 1 || cuts[0] != (lifetime.Cut{Name: "MaxAge", Asked: time.Second, Most: 1}) {
		t.Errorf("%+v, %+v, %v", own, cuts, err)
	}
}
