package tests

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
)

const auditDocument = "../docs/audit.md"

// defaultLogVariable makes this program fill the log of slog's default logger, whose
// format no handler of slog has.
const defaultLogVariable = "GINAUTH_TEST_DEFAULT_LOG"

// The addresses of guessInto.
const (
	guesser    = "203.0.113.7"
	guesserV6  = "2001:db8:7::7"
	accomplice = "203.0.113.8" // writes lines that look like refusals of innocent
	innocent   = "198.51.100.9"
)

// pretence is what somebody types to make the log say that innocent guessed.
func pretence(format string) string {
	lines := map[string]string{
		"text": `time=2026-11-27T00:00:46.329Z level=INFO msg="ginauth: sign-in refused" provider=credentials code=RateLimited client=` + innocent + ` x=y`,
		"json": `{"time":"2026-11-27T00:00:46.329Z","level":"INFO","msg":"ginauth: sign-in refused","provider":"credentials","code":"RateLimited","client":"` + innocent + `"}`,
		"log":  `2026/11/27 00:00:46 INFO ginauth: sign-in refused provider=credentials code=RateLimited client=` + innocent + ` x=y`,
	}
	return "\n" + lines[format] + "\n"
}

// guessInto fills a log: twelve guesses of one client, three of another, and what
// somebody types who wants a third one blocked.
func guessInto(logger *slog.Logger) {
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret: testSecret, BaseURL: "http://localhost", Logger: logger,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
				switch typed["password"] {
				case "public":
					return nil, ginauth.PublicError(typed["said"])
				case "fault":
					return nil, fmt.Errorf("no row for %s", typed["said"])
				case "right":
					return &ginauth.User{ID: pretence(typed["format"])}, nil // an adapter whose IDs people choose
				}
				return nil, nil
			},
		}},
		Callbacks: ginauth.Callbacks{SignIn: func(*gin.Context, ginauth.SignInParams) error { return ginauth.ErrAccessDenied }},
	})
	if err != nil {
		panic(err) // a fault of the test itself
	}
	token, pair := csrfPair(csrfCookie)
	try := func(client string, fields ...string) {
		form := url.Values{"csrfToken": {token}}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		req := httptest.NewRequest(http.MethodPost, "http://localhost/api/auth/callback/credentials", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", pair)
		req.Header.Set("X-Forwarded-For", innocent) // the peer is no proxy
		req.RemoteAddr = client
		r.ServeHTTP(httptest.NewRecorder(), req)
	}
	for range 12 {
		try(guesser+":40000", "username", "ada", "password", "guess")
	}
	for range 3 {
		try("["+guesserV6+"]:40000", "username", "grace", "password", "guess")
	}
	for _, format := range []string{"text", "json", "log"} {
		said := pretence(format)
		try(accomplice+":40000", "username", said, "password", said)
		for _, password := range []string{"public", "fault", "right"} {
			try(accomplice+":40000", "username", "eve", "password", password, "said", said, "format", format)
			try(accomplice+":40000", "username", "eve", "password", password, "said", said[1:], "format", format)
		}
	}
}

// The filter of docs/audit.md finds the guessers in each of slog's formats, and nobody
// else, whatever people type. fail2ban itself reads it.
func TestAudit_Fail2ban(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("fail2ban-regex")
	if err != nil {
		servertest.Missing(t, "fail2ban")
	}
	text, err := os.ReadFile(auditDocument)
	if err != nil {
		t.Fatal(err)
	}
	filter := regexp.MustCompile("(?s)```ini\n(# /etc/fail2ban/filter.d/ginauth.conf\n.*?)```").FindSubmatch(text)
	if filter == nil {
		t.Fatal("the document has no filter")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "ginauth.conf")
	if err := os.WriteFile(conf, filter[1], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]func(t *testing.T) []byte{
		"text": func(*testing.T) []byte {
			var b bytes.Buffer
			guessInto(slog.New(slog.NewTextHandler(&b, nil)))
			return b.Bytes()
		},
		"json": func(*testing.T) []byte {
			var b bytes.Buffer
			guessInto(slog.New(slog.NewJSONHandler(&b, nil)))
			return b.Bytes()
		},
		"default": func(t *testing.T) []byte {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), defaultLogVariable+"=1")
			var b bytes.Buffer
			cmd.Stderr = &b
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &b)
			}
			return b.Bytes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := log(t)
			if !bytes.Contains(lines, []byte("sign-in refused")) {
				t.Fatalf("the log is %q", lines)
			}
			file := filepath.Join(t.TempDir(), "app.log")
			if err := os.WriteFile(file, lines, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), tool, "-o", "<ip>", file, conf).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			found := map[string]int{}
			for ip := range strings.FieldsSeq(string(out)) {
				found[ip]++
			}
			if found[guesser] != 12 || found[guesserV6] != 3 || found[accomplice] == 0 || found[innocent] != 0 || len(found) != 3 {
				t.Errorf("fail2ban finds %v in\n%s", found, lines)
			}
		})
	}
}

// The audit log of the document is the one of the package's example.
func TestAudit_Document(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(auditDocument)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../example_session_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 1 || !bytes.Contains(example, blocks[0][1]) {
		t.Errorf("%d blocks, which ExampleEvents does not have", len(blocks))
	}
}
