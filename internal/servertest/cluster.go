package servertest

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// RedisCluster starts a Redis Cluster of that many masters, each with one replica. The
// masters come first. A master that does not answer for a second is replaced by its
// replica.
func RedisCluster(t testing.TB, masters int) []*Server {
	t.Helper()
	binary, cli := find(t, "redis-server"), find(t, "redis-cli")
	servers := make([]*Server, 2*masters)
	arguments := []string{"--cluster", "create"}
	for i := range servers {
		servers[i] = begin(t, t.TempDir(), func(dir string, port int) *exec.Cmd {
			// The nodes' own port is 10,000 further by default, where there may be none.
			return exec.Command(binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--cluster-port", strconv.Itoa(port-20_000), "--dir", dir,
				"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-announce-ip", "127.0.0.1",
				"--save", "", "--appendonly", "yes", "--appendfsync", "no")
		})
		arguments = append(arguments, servers[i].Addr())
	}
	arguments = append(arguments, "--cluster-replicas", "1", "--cluster-yes")
	run := func(arguments ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := exec.Command(cli, arguments...)
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := procgroup.Run(cmd); err != nil {
			t.Fatalf("redis-cli %s: %v\n%s", arguments, err, out.Bytes())
		}
		return out.String()
	}
	run(arguments...)
	ask := func(s *Server, command ...string) string {
		return run(append([]string{"-p", strconv.Itoa(s.port)}, command...)...)
	}
	for _, s := range servers { // each knows all of them, and which is whose
		for deadline := time.Now().Add(patience); ; {
			nodes, info, replication := ask(s, "cluster", "nodes"), ask(s, "cluster", "info"), ask(s, "info", "replication")
			linked := strings.Contains(replication, "master_link_status:up") || strings.Contains(replication, "connected_slaves:1")
			if linked && strings.Contains(info, "cluster_state:ok") && strings.Count(nodes, "slave ") == masters {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the cluster does not come up:\n%s\n%s\n%s", nodes, info, replication)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return servers
}
