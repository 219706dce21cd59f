package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

const output = `Running 5s test @ http://127.0.0.1:40513/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.12ms    2.04ms  44.60ms   95.31%
    Req/Sec    35.94k     2.79k   40.52k    70.00%
  Latency Distribution
     50%  820.00us
     75%    1.03ms
     90%    1.60ms
     99%    9.71ms
  178956 requests in 5.00s, 41.80MB read
Requests/sec:  35790.11
Transfer/sec:      8.36MB
`

func TestParse(t *testing.T) {
	t.Parallel()
	m, err := parse(output)
	if err != nil {
		t.Fatal(err)
	}
	if m.requests != 178956 || m.took != 5*time.Second || m.p50 != 820*time.Microsecond || m.p99 != 9710*time.Microsecond || m.trouble != nil {
		t.Errorf("%+v", m)
	}
	if rate := m.rate(); rate < 35791 || rate > 35792 {
		t.Errorf("rate %f", rate)
	}
	for _, line := range []string{
		"Socket errors: connect 0, read 3, write 0, timeout 0",
		"Non-2xx or 3xx responses: 12",
	} {
		m, err := parse(strings.Replace(output, "Requests/sec", "  "+line+"\nRequests/sec", 1))
		if err != nil || len(m.trouble) != 1 || m.trouble[0] != line {
			t.Errorf("%s: %+v, %v", line, m, err)
		}
	}
	for _, out := range []string{"", "unable to connect to 127.0.0.1:1 Connection refused\n",
		strings.Replace(output, "178956", "0", 1), strings.Replace(output, "5.00s", "5.00x", 1)} {
		if m, err := parse(out); err == nil {
			t.Errorf("%q: %+v", out, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(output)
	f.Add("1 requests in 1h,")
	f.Fuzz(func(t *testing.T, out string) {
		if m, err := parse(out); err == nil && (m.requests <= 0 || m.took <= 0) {
			t.Errorf("%+v of %q", m, out)
		}
	})
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " S 1 4242 4242 0 -1 4194560 1000 0 0 0 120 34 0 0 20 0 5 0 100 0 0"
	for _, test := range []struct {
		stat string
		want time.Duration
	}{
		{"4242 (node)" + rest, 1540 * time.Millisecond},
		{"4242 (a) S (b 1 2)" + rest, 1540 * time.Millisecond},
		{"4242 (node) S 1", 0},
		{"", 0},
	} {
		got, err := parseStat(test.stat)
		if got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("%q: %v, %v; want %v", test.stat, got, err, test.want)
		}
	}
}

// TestParseStat_Own reads what this very system says.
func TestParseStat_Own(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this program is for Linux")
	}
	raw, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if used, err := parseStat(string(raw)); err != nil || used < 0 || used > time.Hour {
		t.Errorf("%v, %v", used, err)
	}
}

// TestCheck shows that a server which answers wrongly is found out.
func TestCheck(t *testing.T) {
	t.Setenv(envSecret, token.Random())
	r, err := newRequest(token.V5, cookiesV5, os.Getenv(envSecret), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := json.Marshal(somebody)
	if err != nil {
		t.Fatal(err)
	}
	guardedBy := func(guard string) http.Handler {
		engine, err := application(guard, "http://app.example.com")
		if err != nil {
			t.Fatal(err)
		}
		return engine
	}
	for _, test := range []struct {
		name       string
		server     http.Handler
		answersAll bool
		want       string
	}{
		{"the guard", guardedBy(guardedV5), false, ""},
		{"the guard of the other format", guardedBy(guardedV4), false, "answered 401"},
		{"asks nobody", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }), true, ""},
		{"takes a broken cookie", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }), false, "for a broken cookie"},
		{"redirects", http.RedirectHandler("/signin", http.StatusFound), true, "answered 302"},
		{"somebody else", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"name":"Grace"}`)) }), true, "Grace"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.server)
			defer server.Close()
			err := r.check(server.Listener.Addr().String(), test.answersAll)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// rowOf has a run for each share of the core, the first at a rate and each further
// one slower.
func rowOf(rate int, shares ...float64) *row {
	made := &row{name: "row"}
	for i, share := range shares {
		made.runs = append(made.runs, run{measurement{requests: rate - i, took: time.Second}, share})
	}
	return made
}

func TestJudge(t *testing.T) {
	t.Parallel()
	rows := []*row{
		unguarded: rowOf(10001, 1, 1, 1), guarded: rowOf(9001, 1, 1, 1), withHeaders: rowOf(9900, 1), withContexts: rowOf(9500, 1),
		unguarded2KB: rowOf(9000, 1), guarded2KB: rowOf(8000, 1),
		guardedAuthJS: rowOf(8001, 1, 1, 1), express: rowOf(2000, 0.5), expressGetToken: rowOf(1000, 1, 0.6, 1), expressGetSession: rowOf(100, 0.7, 1, 0.94),
	}
	want := "- guarded at 90 % or more of unguarded: held, 0.90\n" +
		"- at least 10 times Express with next-auth's getToken: missed, 9.02\n" +
		"- at least 50 times Express with @auth/express's getSession, the cookie being Auth.js's for both: not measured, since row was busy in 1 rounds of 3, 80.8\n"
	if got := judge(rows); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	got := table(rows)
	for _, line := range []string{
		"| row | 9000 | 8999 to 9001 | 111.1 µs |",
		"| row | 998 | 998 to 1000 | 1002.0 µs |", // of the two rounds that count
		"| row | 2000 | 2000 to 2000 | 250.0 µs |",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %s in\n%s", line, got)
		}
	}
	if lines := strings.Count(got, "\n"); lines != 2+len(rows) {
		t.Errorf("%d lines:\n%s", lines, got)
	}
}
