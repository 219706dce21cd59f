// Package mail sends one mail at a time to an SMTP server (RFC 5321), encrypted
// unless the server is on this machine. It does not know why a mail is sent.
package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/ginauth/ginauth/internal/address"
)

// implicitTLS is the port on which servers speak TLS from the start (RFC 8314 §3.3).
const implicitTLS = 465

// stepTimeout bounds the connection and each step of the conversation on it.
const stepTimeout = 8 * time.Second

// Server is an SMTP server, and who we are there.
type Server struct {
	Addr               string // host:port
	Username, Password string // both empty: the server asks for none
	TLS                *tls.Config
	// Implicit speaks TLS from the start, as on port 465 in any case.
	Implicit bool
	// Dial opens the connection where TLS is not implicit. Default: net.Dialer's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// A Sender sends mail from one address. It is safe for concurrent use.
type Sender struct {
	from    *mail.Address
	domain  string
	host    string
	options []gomail.Option
}

// Message is a mail to one person.
type Message struct {
	To                  string // a plain address
	Subject, Text, HTML string
	Date                time.Time
}

// New checks the settings. from is an address, possibly with a name.
func New(s Server, from string) (*Sender, error) {
	sender, fromErr := parseFrom(from)
	host, port, addrErr := splitAddr(s.Addr)
	var authErr error
	if (s.Username == "") != (s.Password == "") {
		authErr = errors.New("one of SMTP.Username and SMTP.Password is empty; write both, or neither")
	}
	if err := errors.Join(fromErr, addrErr, authErr); err != nil {
		return nil, err
	}
	sender.host = host
	sender.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(stepTimeout), gomail.WithHELO(sender.domain),
		gomail.WithTLSConfig(tlsConfig(s.TLS, host)),
	}
	implicit := s.Implicit || port == implicitTLS
	switch {
	case implicit:
		sender.options = append(sender.options, gomail.WithSSL())
	case loopback(host): // no network to listen in on; where TLS is offered it is used, and must work
		sender.options = append(sender.options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		// Otherwise an attacker on the network removes the offer of TLS from the server's
		// answer, and reads link and password (RFC 3207 §6).
		sender.options = append(sender.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.Dial != nil && !implicit {
		sender.options = append(sender.options, gomail.WithDialContextFunc(s.Dial))
	}
	if s.Username != "" {
		sender.options = append(sender.options,
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.Username), gomail.WithPassword(s.Password))
	}
	_, err := gomail.NewClient(host, sender.options...)
	return sender, err
}

func tlsConfig(config *tls.Config, host string) *tls.Config {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return config
}

func parseFrom(from string) (*Sender, error) {
	parsed, err := mail.ParseAddress(from)
	if err != nil || strings.ContainsAny(from, "\r\n\x00") { // net/mail takes a line break in a comment
		return nil, fmt.Errorf("the sender, From, is %q; write an address, such as Example <no-reply@example.com>", from)
	}
	_, domain, _ := strings.Cut(parsed.Address, "@")
	return &Sender{from: parsed, domain: domain}, nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, _ := net.SplitHostPort(addr) // both are empty where it cannot be split
	port, _ = strconv.Atoi(text)             // what is no number is 0, or out of range
	if host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("SMTP.Addr is %q; write host and port, such as smtp.example.com:587", addr)
	}
	return host, port, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, _ := netip.ParseAddr(host) // a name is no address, which is no loopback one
	return ip.Unmap().IsLoopback()
}

// Send sends a mail to one person. Its error may repeat what the server said, and
// so the address.
func (s *Sender) Send(ctx context.Context, m Message) error {
	// The library writes an address as it is, line breaks too.
	if form, err := address.Parse(m.To); err != nil || form != m.To {
		return address.ErrInvalid
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&mail.Address{Address: m.To})
	msg.Subject(oneLine(m.Subject))
	msg.SetDateWithValue(m.Date)
	// A name of our own: the library's own tells the machine's.
	msg.SetMessageIDWithValue(rand.Text() + "@" + s.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no out-of-office reply
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	client, err := gomail.NewClient(s.host, s.options...) // a client holds one connection
	if err == nil {
		err = client.DialAndSendWithContext(ctx, msg)
	}
	return err
}

// oneLine keeps what would begin another header out of one.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}
