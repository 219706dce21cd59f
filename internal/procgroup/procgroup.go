// Package procgroup runs programs that end with the program that started them. It does
// not know what they do.
//
// A test that panics, or that SIGKILL ends, runs no cleanup: the servers it started
// would stay. So each program gets a process group of its own, beside a watcher that
// holds one end of a pipe. The kernel closes the other end when this process dies, in
// whatever way, and then the watcher kills the group.
//
// A group of its own has a second use. A signal for the group of the test, such as
// SIGCONT from a shell, does not reach a server that a test has stopped.
//
// On Windows a program runs without a watcher.
package procgroup

import "os/exec"

// Start starts cmd, as [exec.Cmd.Start] does, in a process group that ends with this
// process. The caller waits for cmd as usual; end kills what is left of the group, cmd
// too if it still runs, and may be called again.
func Start(cmd *exec.Cmd) (end func(), err error) { return start(cmd) }

// Run starts cmd, waits for it, and kills what is left of its group.
func Run(cmd *exec.Cmd) error {
	end, err := Start(cmd)
	if err != nil {
		return err
	}
	defer end()
	return cmd.Wait()
}
