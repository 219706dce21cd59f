package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/probe"
	"github.com/ginauth/ginauth/providers"
)

// probeTimeout bounds all requests to one service.
const probeTimeout = 20 * time.Second

// listProviders is the subcommand providers. It returns the exit status.
func listProviders(args []string, out, diagnostics io.Writer) int {
	flags := flag.NewFlagSet("ginauth providers", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	ask := flags.Bool("probe", false, "ask each service whether its endpoints are there")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	status := 0
	for _, id := range flags.Args() {
		if !slices.ContainsFunc(providers.All(), func(s providers.Service) bool { return s.ID == id }) {
			_, _ = fmt.Fprintf(diagnostics, "ginauth: no service has the id %q\n", id)
			status = 2
		}
	}
	if status != 0 {
		return status
	}
	for _, s := range providers.All() {
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), s.ID) {
			continue
		}
		word := s.Name
		switch {
		case s.LeftOut != "":
			word = "left out: " + s.LeftOut
		case *ask:
			word = probed(s)
			if word != "ok" && !strings.HasPrefix(word, "not asked") {
				status = 1
			}
		}
		_, _ = fmt.Fprintf(out, "%-26s %s\n", s.ID, word)
	}
	return status
}

// probed says what came of asking a service.
func probed(s providers.Service) string {
	for _, setting := range s.Settings {
		if !setting.Optional {
			return "not asked: it needs " + setting.Name
		}
	}
	made, err := providers.New(s.ID, providers.Settings{ClientID: "ginauth-probe", ClientSecret: "ginauth-probe"})
	if err != nil {
		return "not asked: " + err.Error()
	}
	p, ok := made.(ginauth.OAuth).Provider.(probe.Provider)
	if !ok || s.ID == "steam" { // which has no token endpoint
		return "not asked: it speaks a protocol of its own"
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if err := probe.Check(ctx, p, &http.Client{}); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return "ok"
}
