package tests

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// exhaustions are the ways in which a process runs out of something. Each returns
// how it gets it back.
var exhaustions = map[string]func(dir string) (free func(), err error){
	"disk":  fillDisk,
	"write": refuseWrites,
	"files": openFiles,
}

// smallDisk is a namespace of mounts for a process, which needs no rights in the
// system where that lets anybody have one (user_namespaces(7)).
func smallDisk() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

func mountSmall(dir string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k")
}

// fillDisk takes all the space that is left (ENOSPC).
func fillDisk(dir string) (func(), error) {
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return nil, err
	}
	return func() { _ = os.Remove(name) }, nil
}

// refuseWrites makes each write to a file fail (EFBIG), as a disk that is broken or
// mounted read-only does.
func refuseWrites(string) (func(), error) {
	signal.Ignore(syscall.SIGXFSZ)
	return lowered(syscall.RLIMIT_FSIZE, 0)
}

// openFiles leaves one file descriptor, for a browser's request (EMFILE).
func openFiles(string) (func(), error) {
	last, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	restore, err := lowered(syscall.RLIMIT_NOFILE, uint64(last.Fd())+16)
	if err != nil {
		return nil, err
	}
	var opened []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			return nil, err
		}
		opened = append(opened, f)
	}
	_ = last.Close()
	return func() {
		for _, f := range opened {
			_ = f.Close()
		}
		restore()
	}, nil
}

// lowered lowers a limit of this process, which nothing but a test's copy of itself
// should do.
func lowered(resource int, to uint64) (restore func(), err error) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(resource, &before); err != nil {
		return nil, err
	}
	now := before
	now.Cur = to
	return func() { _ = syscall.Setrlimit(resource, &before) }, syscall.Setrlimit(resource, &now)
}

// With a database that takes no more, who is known still signs in, and who is
// signed in stays so. Who is new is told, and comes in when there is room again.
func TestFault_DiskFull(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		exhaustion, logged string
		mount              bool
	}{
		"no space":  {"disk", "database or disk is full", true},
		"no writes": {"write", "disk I/O error", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var attr *syscall.SysProcAttr
			if row.mount {
				attr = smallDisk()
			}
			s := newSite(t, attr, row.mount)
			b, again, late := s.browser(t), s.browser(t), s.browser(t)
			b.signInAt(s.idp, "local", "ada")
			s.tell(row.exhaustion, "exhausted")
			res := late.signInAt(s.idp, "local", "grace")
			res.refused(t, "OAuthCreateAccount")
			if got := late.follow(res).alert(); got != told["OAuthCreateAccount"] {
				t.Errorf("the page says %q", got)
			}
			if !again.signInAt(s.idp, "local", "ada").signedIn() || b.get("/me").StatusCode != http.StatusOK || b.user() != "ada@example.com" {
				t.Errorf("who is known gets trouble too: %s", s.log)
			}
			s.tell("count", "1 users, 0 without account")
			if log := s.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, row.logged) {
				t.Errorf("the log: %s", log)
			}
			s.tell("free", "freed")
			if !late.signInAt(s.idp, "local", "grace").signedIn() {
				t.Errorf("with room again the sign-in failed: %s", s.log)
			}
			s.tell("count", "2 users, 0 without account")
		})
	}
}

// Without a file descriptor for a connection to the provider, a sign-in cannot
// begin. Who is signed in notices nothing.
func TestFault_NoFileDescriptors(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, false)
	b := s.browser(t)
	b.signInAt(s.idp, "local", "ada")
	csrf := b.csrf()
	s.kill()
	s.start(nil) // which has no connection to the provider yet
	s.tell("files", "exhausted")
	res := b.post("/api/auth/signin/local", url.Values{"csrfToken": {csrf}})
	res.refused(t, "OAuthSignin")
	if got := b.follow(res).alert(); got != told["OAuthSignin"] {
		t.Errorf("the page says %q", got)
	}
	if res := b.get("/me"); res.StatusCode != http.StatusOK {
		t.Errorf("/me answered %d %s", res.StatusCode, res.body)
	}
	if log := s.log.String(); !strings.Contains(log, "too many open files") {
		t.Errorf("the log: %s", log)
	}
	s.tell("free", "freed")
	if !b.signInAt(s.idp, "local", "ada").signedIn() {
		t.Errorf("the next sign-in failed: %s", s.log)
	}
}

// A PostgreSQL whose disk is full serves what it has: who is signed in stays so and can
// sign out. Nobody new comes in, with no half of a user left behind, until there is room
// again. The log of its transactions is on another disk: without room for that it stops,
// as in TestFault_PostgresKilled.
func TestFault_PostgresFull(t *testing.T) {
	t.Parallel()
	server := servertest.Postgres(t)
	dir := tablespace(t)
	address := "postgres://postgres@" + server.Addr() + "/postgres?sslmode=disable"
	db, err := gorm.Open(postgres.Open(address), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLESPACE small LOCATION '" + dir + "'", "ALTER ROLE postgres SET default_tablespace = small",
		// Space that a deletion frees is used again in its own time, not in the test's.
		"ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()",
	} {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	_ = pool.Close() // a connection reads a role's settings when it begins
	if db, err = gorm.Open(postgres.Open(address), &gorm.Config{Logger: logger.Discard}); err != nil {
		t.Fatal(err)
	}
	if pool, err = db.DB(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newUserApp(t, ginauth.Options{Adapter: users, Session: ginauth.SessionOptions{Store: users.Sessions()}})
	grace := a.browser(t)
	grace.signInAt(a.idp, "first", "grace")
	kept := sessionCookie + "=" + url.PathEscape(handleOf(grace))
	free, err := fillDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	// What is left in the tables' pages is taken too.
	for size := 1500; size > 0; size /= 10 {
		for i := 0; ; i++ {
			err := db.Exec("INSERT INTO users (id, name, image) VALUES (?, ?, '')", fmt.Sprint("filler ", size, " ", i), strings.Repeat("x", size)).Error
			if err != nil {
				if !strings.Contains(err.Error(), "No space left on device") {
					t.Fatal(err)
				}
				break
			}
			if i > 10_000 {
				t.Fatal("the disk is never full")
			}
		}
	}
	late := a.browser(t)
	res := late.signInAt(a.idp, "first", "ada")
	res.refused(t, "OAuthCreateAccount")
	if got := late.follow(res).alert(); got != told["OAuthCreateAccount"] {
		t.Errorf("the page says %q", got)
	}
	if log := a.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "sign-in refused") || !strings.Contains(log, "No space left on device") {
		t.Errorf("the log: %s", log)
	}
	if grace.user() != "grace@example.com" || grace.get("/me").StatusCode != http.StatusOK {
		t.Errorf("who is signed in gets trouble too: %s", a.log)
	}
	if res := grace.signOut(); !res.ends() || a.who(t, kept) != "" {
		t.Errorf("a sign-out is answered %d, and the session opens as %q: %s", res.StatusCode, a.who(t, kept), a.log)
	}
	free()
	if err := db.Exec("DELETE FROM users WHERE id LIKE 'filler%'").Error; err != nil {
		t.Fatal(err)
	}
	if !late.signInAt(a.idp, "first", "ada").signedIn() || late.id() == "" {
		t.Errorf("with room again the sign-in failed: %s", a.log)
	}
	var all, halves int64
	if err := db.Raw("SELECT count(*) FROM users").Scan(&all).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Raw("SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM accounts)").Scan(&halves).Error; err != nil {
		t.Fatal(err)
	}
	if all != 2 || halves != 0 {
		t.Errorf("there are %d users, %d of them without account", all, halves)
	}
}

// tablespace is an empty folder on a disk of two megabytes, which PostgreSQL may write to.
func tablespace(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tablespace") // t.TempDir's parent is closed to PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0777"); err != nil {
		_ = os.Remove(dir)
		t.Skip("this takes the right to mount a small disk: ", err) // of the machine: no program can be installed for it
	}
	t.Cleanup(func() {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		_ = os.Remove(dir)
	})
	space := filepath.Join(dir, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if as, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 {
		uid, _ := strconv.Atoi(as.Uid)
		gid, _ := strconv.Atoi(as.Gid)
		if err := os.Chown(space, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return space
}
