// Command soak loads a server with all that people do with ginauth, for as long as
// it is told, and fails on a single wrong answer or when the server grows. From the
// folder bench:
//
//	go run ./soak -for 60s
//	go run ./soak -for 60s -store redis
//
// The server is a process of its own, in gin's release mode. Browsers, each with
// cookies and connections of its own, sign in through a whole OpenID flow at a
// provider, open guarded pages, read and change their session, sign out, and come
// with no cookie, with forged ones and with those of sessions that have ended.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ginauth/ginauth/bench/internal/document"
	"github.com/ginauth/ginauth/bench/internal/process"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/token"
)

// peoplePerBrowser is how many people sign in at one browser in turns. With
// Revocations, nobody may sign in and out again more than once a second for long.
const peoplePerBrowser = 16

// tokenLifetime is that of the provider's tokens: little more than the 30 seconds
// before its end at which Auth.Client renews one.
const tokenLifetime = 31 * time.Second

type options struct {
	length   time.Duration
	store    string
	browsers int
	file     string
	heap     string
}

func main() {
	log.SetFlags(0)
	if os.Getenv(envSetup) != "" {
		if err := serve(); err != nil {
			log.Fatal(err)
		}
		return
	}
	var o options
	flag.DurationVar(&o.length, "for", 60*time.Second, "how long")
	flag.StringVar(&o.store, "store", "", "keep sessions in a `store`: redis. Default: sealed in the cookie")
	flag.IntVar(&o.browsers, "browsers", 32, "how many browsers")
	flag.StringVar(&o.file, "write", "", "put the tables into this `file`, between <!-- soak NAME --> and <!-- end soak NAME -->, NAME being sealed or redis")
	flag.StringVar(&o.heap, "heap", "", "write a profile of what the server's heap holds at the end to this `file`")
	flag.Parse()
	if o.store != "" && o.store != "redis" || o.length < time.Second || o.browsers < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := soak(ctx, o); err != nil {
		stop()
		log.Fatal(err)
	}
}

// soak runs it all, and prints what came of it.
func soak(ctx context.Context, o options) error {
	people := make([]ginauthtest.Person, o.browsers*peoplePerBrowser)
	for i := range people {
		name := fmt.Sprintf("person-%d", i)
		people[i] = ginauthtest.Person{Subject: name, Name: name, Email: name + "@example.com", EmailVerified: true}
	}
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: people, TokenLifetime: tokenLifetime})
	if err != nil {
		return err
	}
	defer idp.Close()
	s := setup{Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), Secret: token.Random()}
	if o.store == "redis" {
		addr, stop, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer stop()
		s.Redis = addr
	}
	server, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer server.Stop()
	site, inner, _ := strings.Cut(server.Addr, " ")

	l := &load{}
	looks := make([]look, 0, 6)
	see := func(when string) error {
		v, err := ask(inner)
		looks = append(looks, look{when, v, l.counts()})
		return err
	}
	if err := see("at the start"); err != nil {
		return err
	}
	for i := range o.browsers {
		own := people[i*peoplePerBrowser:][:peoplePerBrowser]
		l.browsers = append(l.browsers, newBrowser(i, "http://"+site, s.Redis != "", own))
	}
	err = l.run(ctx, o.length, func(quarter int) error {
		return see(fmt.Sprintf("after %v", o.length*time.Duration(quarter)/4))
	})
	if err != nil {
		return errors.Join(append(l.errors, err)...)
	}
	// The provider goes too: the server keeps connections to it.
	if err := idp.Close(); err != nil {
		return err
	}
	before := looks[0].Goroutines
	left := eventually(ctx, 10*time.Second, func() error {
		looks = looks[:5]
		if err := see("when all have left"); err != nil {
			return err
		}
		if now := looks[5].Goroutines; now > before {
			return fmt.Errorf("%d goroutines at the start, and %d when all have left", before, now)
		}
		return nil
	})
	if o.heap != "" {
		raw, err := fetch(inner, "heap")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.heap, raw, 0o644); err != nil {
			return err
		}
	}
	text := table(l.total, l.worked) + "\n" + held(looks)
	fmt.Print(text)
	fmt.Printf("\n%d errors\n", len(l.errors))
	if left != nil {
		stacks, err := fetch(inner, "goroutines")
		left = errors.Join(fmt.Errorf("%w:\n%s", left, stacks), err)
	}
	if err := errors.Join(errors.Join(l.errors...), grown(looks[1:5]), left); err != nil {
		return err
	}
	if o.file == "" {
		return nil
	}
	name := "sealed"
	if o.store != "" {
		name = o.store
	}
	return document.Write(o.file, "soak "+name, text)
}

// start runs the server.
func start(ctx context.Context, s setup) (*process.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), envSetup+"="+string(raw))
	return process.Start(cmd)
}

// apart asks on a connection that ends with the answer: an idle one would count as
// a goroutine.
var apart = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}

// ask asks the server what it holds.
func ask(inner string) (vital, error) {
	var v vital
	res, err := apart.Post("http://"+inner+"/vitals", "", nil)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	return v, json.NewDecoder(res.Body).Decode(&v)
}

// fetch gets one of the server's profiles.
func fetch(inner, profile string) ([]byte, error) {
	res, err := apart.Get("http://" + inner + "/" + profile)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}
