package mail_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/mail"
	"github.com/ginauth/ginauth/internal/mailtest"
)

// A host of this machine may be spoken to in the open; every other one, whatever its name
// looks like, must offer TLS.
func TestSend_Hosts(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Plain: true})
	_, port, _ := net.SplitHostPort(s.Addr)
	for host, open := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.255.255.254": true, "::1": true, "::ffff:127.0.0.1": true,
		"192.0.2.7": false, "::2": false, "126.255.255.255": false, "128.0.0.1": false, "localhost.example.com": false, "smtp.example.com": false, "127.0.0.1.example.com": false, "127.1": false,
	} {
		before := len(s.Mails())
		err := send(t, mail.Server{Addr: net.JoinHostPort(host, port), Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Addr)
		}}, message())
		if (err == nil) != open || (len(s.Mails()) > before) != open {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// The application's Dial makes the connection, except where TLS begins at once: on port
// 465 (RFC 8314 §3.3), or where that was said.
func TestSend_Dial(t *testing.T) {
	t.Parallel()
	errDialled := errors.New("dialled")
	for _, row := range []struct {
		addr     string
		implicit bool
		dials    bool
	}{{"127.0.0.1:466", false, true}, {"127.0.0.1:464", false, true}, {"127.0.0.1:465", false, false}, {"127.0.0.1:466", true, false}} {
		dialled := false
		err := send(t, mail.Server{Addr: row.addr, Implicit: row.implicit, Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, errDialled
		}}, message())
		if dialled != row.dials || err == nil || errors.Is(err, errDialled) != row.dials {
			t.Errorf("%s, implicit %v: dialled %v, %v", row.addr, row.implicit, dialled, err)
		}
	}
}

// A server that says nothing holds a mail up for eight seconds.
func TestSend_Silent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		sender, err := mail.New(mail.Server{Addr: "localhost:25", Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}, from)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := sender.Send(context.Background(), message()); err == nil || time.Since(begun) != 8*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// The greeting names the sender's domain, and so does the mail's own name.
func TestSend_Domain(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	greeted := make(chan string, 1)
	go func() {
		_, _ = theirs.Write([]byte("220 here\r\n"))
		line, _ := bufio.NewReader(theirs).ReadString('\n')
		greeted <- strings.TrimSpace(line)
		_ = theirs.Close()
	}()
	if err := send(t, mail.Server{Addr: "localhost:25", Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}, message()); err == nil {
		t.Error("a mail went nowhere")
	}
	if got := <-greeted; got != "EHLO example.com" {
		t.Errorf("%q", got)
	}
	s := mailtest.Start(t, mailtest.Config{Plain: true})
	if err := send(t, mail.Server{Addr: s.Addr}, message()); err != nil {
		t.Fatal(err)
	}
	if id := s.Mails()[0].Read(t).Header.Get("Message-Id"); !regexp.MustCompile(`^<[A-Z2-7]{20,}@example\.com>$`).MatchString(id) {
		t.Errorf("%q", id)
	}
}

// What would begin another line of a header becomes a space, and nothing else does.
func TestSend_Subject(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{Plain: true})
	m := message()
	m.Subject = "a\nb\x1fc\x7fd\u0085e\u2028f\u2029g h!~\u0080\u0086\u2027\u202ai"
	if err := send(t, mail.Server{Addr: s.Addr}, m); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Mails()[0].Read(t).Subject, "a b c d e f g h!~\u0080\u0086\u2027\u202ai"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TLS is of version 1.2 at the least (RFC 9325 §3.1.1), whatever the application's
// settings allow.
func TestSend_TLSVersion(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Config{})
	for most, sent := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		settings := s.TLS.Clone()
		settings.MinVersion, settings.MaxVersion = tls.VersionTLS10, most
		if err := send(t, mail.Server{Addr: s.Addr, TLS: settings}, message()); (err == nil) != sent {
			t.Errorf("%s at most: %v", tls.VersionName(most), err)
		}
		if settings.MinVersion != tls.VersionTLS10 {
			t.Error("the application's settings were changed")
		}
	}
}
