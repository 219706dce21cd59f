//go:build unix

package servertest

import "syscall"

// Pause makes the server hang: connections stay open and get no answer, until
// Resume. Its child processes go on, so it is for Redis and memcached.
//
// It waits until all of the server's threads stand still: until then one of them may
// answer.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, err := syscall.Wait4(s.running.Process.Pid, &status, syscall.WUNTRACED, nil)
	if err != nil || !status.Stopped() {
		s.t.Fatalf("the server did not stop: %v %#x", err, status)
	}
}

// Resume ends Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// asUser is how a program runs as another user.
func asUser(uid, gid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
