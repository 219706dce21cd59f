//go:build unix

package procgroup

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
)

// watch waits for the end of its input, and kills its own process group, itself
// included. Signals by which a shell ends a group do not stop it before.
const watch = `trap '' HUP INT TERM; read -r _; kill -KILL 0`

// start starts the watcher first: there is no moment in which the program runs
// without it. The watcher's number is the group's, and stays taken until end.
func start(cmd *exec.Cmd) (end func(), err error) {
	watcher := exec.Command("/bin/sh", "-c", watch)
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	held, err := watcher.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("procgroup: %w", err)
	}
	if err := watcher.Start(); err != nil {
		return nil, fmt.Errorf("procgroup: %w", errors.Join(err, held.Close()))
	}
	group := watcher.Process.Pid
	end = sync.OnceFunc(func() {
		_ = syscall.Kill(-group, syscall.SIGKILL)
		_ = watcher.Wait() // it closes the pipe
	})
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Setpgid, attr.Pgid = true, group
	cmd.SysProcAttr = &attr
	if err := cmd.Start(); err != nil {
		end()
		return nil, err
	}
	return end, nil
}
