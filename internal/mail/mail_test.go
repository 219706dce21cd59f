package mail_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/address"
	"github.com/ginauth/ginauth/internal/mail"
	"github.com/ginauth/ginauth/internal/mailtest"
)

const from = "Example <no-reply@example.com>"

func message() mail.Message {
	return mail.Message{
		To: "ada@example.net", Subject: "Sign in", Text: "text\n", HTML: "<p>text</p>\n",
		Date: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
}

func send(t *testing.T, s mail.Server, m mail.Message) error {
	t.Helper()
	sender, err := mail.New(s, from)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return sender.Send(ctx, m)
}

// far names a server by a host that is not loopback, and still reaches it.
func far(s *mailtest.Server) (addr string, dial func(context.Context, string, string) (net.Conn, error)) {
	_, port, _ := net.SplitHostPort(s.Addr)
	return net.JoinHostPort("smtp.example.com", port), func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Username: "app", Password: "sesame"})
	m := message()
	m.Subject = "Zur Anmeldung bei Bücher & Söhne"
	if err := send(t, mail.Server{Addr: s.Addr, Username: "app", Password: "sesame", TLS: s.TLS}, m); err != nil {
		t.Fatal(err)
	}
	mails := s.Mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails came in", len(mails))
	}
	got := mails[0]
	if got.From != "no-reply@example.com" || len(got.To) != 1 || got.To[0] != m.To || !got.Encrypted {
		t.Errorf("%+v", got)
	}
	c := got.Read(t)
	if c.Subject != m.Subject || c.Text != m.Text || c.HTML != m.HTML {
		t.Errorf("%+v", c)
	}
	for field, want := range map[string]string{
		"From": `"Example" <no-reply@example.com>`, "To": "<ada@example.net>", "Auto-Submitted": "auto-generated",
		"Date": "Tue, 24 Nov 2026 12:00:00 +0000", "User-Agent": "", "X-Mailer": "", "Bcc": "",
	} {
		if got := c.Header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if id := c.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.com>") || len(id) < 30 {
		t.Errorf("Message-ID is %q", id)
	}
}

// The password and the link go over no line that somebody may listen to.
func TestEncryption(t *testing.T) {
	t.Parallel()
	plain := mailtest.Start(t, mailtest.Config{Plain: true})
	plainAuth := mailtest.Start(t, mailtest.Config{Plain: true, Username: "app", Password: "sesame"})
	starttls := mailtest.Start(t, mailtest.Config{Username: "app", Password: "sesame"})
	implicit := mailtest.Start(t, mailtest.Config{Implicit: true, Username: "app", Password: "sesame"})
	for _, row := range []struct {
		name      string
		server    *mailtest.Server
		far       bool
		settings  mail.Server
		sent      bool
		encrypted bool
	}{
		{name: "on this machine, in the open", server: plain, sent: true},
		{name: "on this machine, where TLS is offered", server: starttls, settings: mail.Server{Username: "app", Password: "sesame", TLS: starttls.TLS}, sent: true, encrypted: true},
		{name: "on this machine, TLS of a stranger", server: starttls, settings: mail.Server{Username: "app", Password: "sesame"}},
		{name: "on this machine, password in the open", server: plainAuth, settings: mail.Server{Username: "app", Password: "sesame"}},
		{name: "elsewhere, STARTTLS", server: starttls, far: true, settings: mail.Server{Username: "app", Password: "sesame", TLS: starttls.TLS}, sent: true, encrypted: true},
		{name: "elsewhere, STARTTLS of a stranger", server: starttls, far: true, settings: mail.Server{Username: "app", Password: "sesame"}},
		{name: "elsewhere, STARTTLS of another host", server: starttls, far: true, settings: mail.Server{Username: "app", Password: "sesame", TLS: &tls.Config{RootCAs: starttls.TLS.RootCAs, ServerName: "mx.example.com"}}},
		{name: "elsewhere, in the open", server: plain, far: true},
		{name: "elsewhere, password in the open", server: plainAuth, far: true, settings: mail.Server{Username: "app", Password: "sesame"}},
		{name: "TLS from the start", server: implicit, settings: mail.Server{Implicit: true, Username: "app", Password: "sesame", TLS: implicit.TLS}, sent: true, encrypted: true},
		{name: "TLS from the start, of a stranger", server: implicit, settings: mail.Server{Implicit: true, Username: "app", Password: "sesame"}},
		{name: "TLS from the start, wrong password", server: implicit, settings: mail.Server{Implicit: true, Username: "app", Password: "open", TLS: implicit.TLS}},
	} {
		t.Run(row.name, func(t *testing.T) {
			settings := row.settings
			settings.Addr = row.server.Addr
			if row.far {
				settings.Addr, settings.Dial = far(row.server)
			}
			before := len(row.server.Mails())
			err := send(t, settings, message())
			mails := row.server.Mails()
			if (err == nil) != row.sent || (len(mails) > before) != row.sent {
				t.Fatalf("sent %d mails, %v", len(mails)-before, err)
			}
			if row.sent && mails[before].Encrypted != row.encrypted {
				t.Errorf("encrypted: %v", mails[before].Encrypted)
			}
		})
	}
	if sent := plainAuth.Passwords(); len(sent) != 0 {
		t.Errorf("the password went in the open: %q", sent)
	}
}

// Nothing that stands in a header begins another one, or another mail.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Plain: true})
	for _, evil := range []string{
		"x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: evil@example.com",
		"x\u2029Bcc: evil@example.com", "x\x7fy", "x\x1fy", "x\r\n\r\n<script>", "x\u2028Bcc: evil@example.com", "x\u0085Bcc: evil@example.com", "x\x00y",
	} {
		before := len(s.Mails())
		m := message()
		m.Subject = evil
		if err := send(t, mail.Server{Addr: s.Addr}, m); err != nil {
			t.Fatalf("%q: %v", evil, err)
		}
		got := s.Mails()[before]
		c := got.Read(t)
		if c.Header.Get("Bcc") != "" || len(got.To) != 1 || c.Text != m.Text || strings.ContainsAny(c.Subject, "\r\n\x00\x1f\x7f\u2028\u2029\u0085") {
			t.Errorf("%q becomes %+v", evil, c)
		}
		m = message()
		m.To = "ada@example.net" + evil
		before = len(s.Mails())
		if err := send(t, mail.Server{Addr: s.Addr}, m); err == nil {
			t.Errorf("%q was sent to", m.To)
		}
		if len(s.Mails()) != before {
			t.Errorf("%q got a mail", m.To)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const addr = "smtp.example.com:587"
	for _, row := range []struct {
		name   string
		server mail.Server
		from   string
		want   string // "": none
	}{
		{"plain address", mail.Server{Addr: addr}, "no-reply@example.com", ""},
		{"name and address", mail.Server{Addr: addr}, from, ""},
		{"IPv6", mail.Server{Addr: "[2001:db8::1]:25"}, from, ""},
		{"no address", mail.Server{Addr: addr}, "", "From"},
		{"two addresses", mail.Server{Addr: addr}, "a@example.com, b@example.com", "From"},
		{"line in the name", mail.Server{Addr: addr}, "Example\r\nBcc: x@example.com <a@example.com>", "From"},
		{"encoded line", mail.Server{Addr: addr}, "a@example.com\n", "From"},
		{"NUL", mail.Server{Addr: addr}, "Exa\x00mple <a@example.com>", "From"},
		{"quoted line", mail.Server{Addr: addr}, "\"Exa\r\nmple\" <a@example.com>", "From"},
		{"escaped line", mail.Server{Addr: addr}, "\"Exa\\\nmple\" <a@example.com>", "From"},
		{"line in a comment", mail.Server{Addr: addr}, "Example <a@example.com> (a\r\n b)", "From"},
		{"line in front", mail.Server{Addr: addr}, "\r\nExample <a@example.com>", "From"},
		{"line within the angles", mail.Server{Addr: addr}, "Example <a@example.com\r\n>", "From"},
		{"line in the local part", mail.Server{Addr: addr}, "\"a\r\nb\"@example.com", "From"},
		{"folded line", mail.Server{Addr: addr}, "Example\r\n <a@example.com>", "From"},
		{"port 0", mail.Server{Addr: "smtp.example.com:0"}, from, "SMTP.Addr"},
		{"lowest port", mail.Server{Addr: "smtp.example.com:1"}, from, ""},
		{"highest port", mail.Server{Addr: "smtp.example.com:65535"}, from, ""},
		{"no server", mail.Server{}, from, "SMTP.Addr"},
		{"no port", mail.Server{Addr: "smtp.example.com"}, from, "SMTP.Addr"},
		{"no host", mail.Server{Addr: ":587"}, from, "SMTP.Addr"},
		{"port too high", mail.Server{Addr: "smtp.example.com:65536"}, from, "SMTP.Addr"},
		{"name of a port", mail.Server{Addr: "smtp.example.com:smtp"}, from, "SMTP.Addr"},
		{"user without password", mail.Server{Addr: addr, Username: "app"}, from, "SMTP.Password"},
		{"password without user", mail.Server{Addr: addr, Password: "sesame"}, from, "SMTP.Username"},
	} {
		_, err := mail.New(row.server, row.from)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: the error holds the password", row.name)
		}
	}
}

// An address that is not in its one form gets no mail: what was checked is what is sent to.
func TestSend_OtherForm(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Plain: true})
	for _, to := range []string{"Ada@example.net", " ada@example.net", "Ada <ada@example.net>", ""} {
		m := message()
		m.To = to
		if err := send(t, mail.Server{Addr: s.Addr}, m); !errors.Is(err, address.ErrInvalid) || len(s.Mails()) != 0 {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Plain: true, Refuse: true})
	if err := send(t, mail.Server{Addr: s.Addr}, message()); err == nil || len(s.Mails()) != 0 {
		t.Errorf("a refused recipient: %v", err)
	}
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := down.Addr().String()
	if err := down.Close(); err != nil {
		t.Fatal(err)
	}
	if err := send(t, mail.Server{Addr: addr}, message()); err == nil {
		t.Error("nobody listens, and the mail was sent")
	}
}
