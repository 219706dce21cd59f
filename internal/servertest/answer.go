package servertest

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// answers reports whether the server takes commands, and not connections alone:
// Redis and the databases listen before they have read their data.
func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	question, want := "PING\r\n", "+PONG"
	switch filepath.Base(s.running.Path) {
	case "nginx", "haproxy": // they listen when they have read their files
		return true
	case "memcached":
		question, want = "version\r\n", "VERSION"
	case "postgres":
		// A startup message of protocol 3.0 for postgres: an authentication request
		// (R) comes when it takes clients, an error (E) before.
		question, want = "\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00", "R"
	}
	r := bufio.NewReader(conn)
	if filepath.Base(s.running.Path) == "mariadbd" {
		// It speaks first: behind the packet's header, of four bytes, the version of
		// the protocol (10), or an error (255) while it takes no clients.
		question, want = "", "\x0a"
		if _, err := r.Discard(4); err != nil {
			return false
		}
	}
	if _, err := conn.Write([]byte(question)); err != nil {
		return false
	}
	got := make([]byte, len(want))
	for i := range got {
		if got[i], err = r.ReadByte(); err != nil {
			return false
		}
	}
	return strings.EqualFold(string(got), want)
}
