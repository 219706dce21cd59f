package tests

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/mailtest"
)

// Nothing that signs in, and nobody's address, reaches the log, whatever goes wrong
// and whatever the fault's text repeats.
func TestAttack35_MailInLogs(t *testing.T) {
	t.Parallel()
	type flow struct {
		name   string
		send   func(m ginauth.Mail) error
		broken string
		signIn error
	}
	for _, code := range []bool{false, true} {
		for _, row := range []flow{
			{name: "all goes well"},
			{name: "Send repeats the mail", send: func(m ginauth.Mail) error {
				return fmt.Errorf("sending to %s: %s %s %s %s", m.To, m.URL, m.Code, m.Text, m.HTML)
			}},
			{name: "Send repeats the link", send: func(m ginauth.Mail) error { return errors.New("posted " + m.URL + m.Code) }},
			{name: "Send prints the mail", send: func(m ginauth.Mail) error { return fmt.Errorf("cannot send %+v %#v", m, m) }},
			{name: "Send panics", send: func(m ginauth.Mail) error { panic(m.URL + m.Code) }},
			{name: "adapter fails at first", broken: "CreateVerificationToken"},
			{name: "adapter fails at last", broken: "UseVerificationToken"},
			{name: "users fail", broken: "CreateUser"},
			{name: "callback fails", signIn: errors.New("no row for ada@example.com")},
		} {
			t.Run(fmt.Sprintf("code %t/%s", code, row.name), func(t *testing.T) {
				t.Parallel()
				var sent ginauth.Mail
				a := newMailApp(t, ginauth.Email{Code: code, Send: func(_ context.Context, m ginauth.Mail) error {
					sent = m
					if row.send != nil {
						return row.send(m)
					}
					return nil
				}}, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(*gin.Context, ginauth.SignInParams) error { return row.signIn }}})
				a.db.breakDown(row.broken)
				b := a.browser(t)
				res := b.ask("Ada@example.com", "/")
				values := []string{"ada@", "Ada@", "ada%40", testSecret, b.cookie(csrfCookie), b.cookie(mailCookie), sent.Code}
				if row.send != nil {
					res.refused(t, "EmailSignin")
				}
				if sent.URL != "" {
					link, err := url.Parse(sent.URL)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, link.Query().Get("token"), "callback/email")
					b.press(sent.URL)
					b.press(sent.URL)
					b.press(strings.Replace(sent.URL, "token=", "token=x", 1))
				} else if sent.Code != "" {
					b.typeCode(other(sent.Code))
					b.typeCode(sent.Code)
					b.typeCode(sent.Code)
				}
				log := a.log.String()
				for _, value := range values {
					if value != "" && strings.Contains(log, value) {
						t.Errorf("the log holds %q: %s", value, log)
					}
				}
				if wrong := row.send != nil || row.broken != "" || row.signIn != nil; wrong != strings.Contains(log, "level=WARN") {
					t.Errorf("the log is %q", log)
				}
			})
		}
	}
}

// No name and no address begins a header of its own, of a mail or of an answer.
func TestAttack51_MailHeaders(t *testing.T) {
	t.Parallel()
	for _, breaks := range []string{"\r\n", "\n", "\r", "\x00", "\u0085", "\u2028", "\u2029"} {
		for name, opts := range map[string]ginauth.Options{
			"SiteName":    {Texts: ginauth.Texts{SiteName: "Acme" + breaks + "Bcc: evil@example.com"}},
			"MailSubject": {Texts: ginauth.Texts{MailSubject: "{site}" + breaks + "Bcc: evil@example.com"}},
		} {
			opts.Secret, opts.BaseURL, opts.Adapter = testSecret, "https://app.example.com", newMemory()
			opts.Providers = []ginauth.Provider{ginauth.Email{Send: nowhere}}
			if _, err := ginauth.New(opts); err == nil || !strings.Contains(err.Error(), "line break") {
				t.Errorf("%s with %q: %v", name, breaks, err)
			}
		}
	}
	server := mailtest.Start(t, mailtest.Config{Plain: true})
	a := newMailApp(t, ginauth.Email{From: `"Acme, Inc." <no-reply@example.com>`, SMTP: ginauth.SMTP{Addr: server.Addr}},
		ginauth.Options{Texts: ginauth.Texts{SiteName: "Äcme, \"Inc.\" Bcc: evil@example.com"}})
	for _, evil := range []string{"ada@example.com\r\nBcc: evil@example.com", "ada\nBcc:evil@example.com", "ada@example.com\x00", "ada@example.com\u2028X: y"} {
		a.browser(t).ask(evil, "/").refused(t, "EmailSignin")
	}
	b := a.browser(t)
	b.ask("ada@example.com", "/a\r\nX-Injected: 1\r\n\r\n<script>").sent(t)
	mails := server.Mails()
	if len(mails) != 1 || len(mails[0].To) != 1 {
		t.Fatalf("%+v", mails)
	}
	content := mails[0].Read(t)
	if len(content.Header) != 8 || content.Header.Get("Bcc") != "" || strings.ContainsAny(content.Subject, "\r\n\u2028") {
		t.Errorf("the headers are %v", content.Header)
	}
	link := links(t, content.HTML)[0]
	if strings.ContainsAny(link, "\r\n <>") || !strings.Contains(content.Text, "\n"+link+"\n") {
		t.Errorf("the link is %q", link)
	}
	if res := b.press(link); !res.signedIn() || res.Header.Get("X-Injected") != "" {
		t.Errorf("the link answers %v", res.Header)
	}
}

// A mail server that hangs, or hangs up, ends in an answer; and so does a body of a
// megabyte.
func TestEmail_Outages(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		talk func(net.Conn)
		took time.Duration // at least
	}{
		{"says nothing", func(net.Conn) {}, 7 * time.Second},
		{"hangs up", func(c net.Conn) { _ = c.Close() }, 0},
		{"says nonsense", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, 0},
		{"is full", func(c net.Conn) { _, _ = c.Write([]byte("421 4.3.2 too busy\r\n")) }, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { _ = conn.Close() })
					row.talk(conn)
				}
			}()
			a := newMailApp(t, ginauth.Email{From: "a@example.com", SMTP: ginauth.SMTP{Addr: listener.Addr().String()}}, ginauth.Options{})
			begun := time.Now()
			a.browser(t).ask("ada@example.com", "/").refused(t, "EmailSignin")
			if took := time.Since(begun); took < row.took || took > row.took+25*time.Second {
				t.Errorf("it took %v", took)
			}
			if len(a.db.rows()) != 0 || a.log.String() == "" {
				t.Errorf("kept are %v, the log is %q", a.db.rows(), a.log.String())
			}
		})
	}
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	csrf, pair := csrfPair(csrfCookie)
	for _, path := range []string{"signin/email", "callback/email"} {
		res := a.form(t, "/api/auth/"+path, url.Values{"csrfToken": {csrf}, "email": {strings.Repeat("a", 1<<20) + "@example.com"}}, "Cookie", pair)
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s answers a megabyte with %d", path, res.StatusCode)
		}
	}
}
