//go:build !unix

package servertest

import "syscall"

// Pause needs signals that this system does not have: the test is skipped.
func (s *Server) Pause() {
	s.t.Helper()
	Missing(s.t, "SIGSTOP")
}

// Resume ends Pause.
func (s *Server) Resume() {}

func asUser(int, int) *syscall.SysProcAttr { return nil }
