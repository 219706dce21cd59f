// Command ginauth helps to run a site with ginauth.
//
//	ginauth secret                  prints a secret for NEXTAUTH_SECRET
//	ginauth doctor [-json] [URL]    says what is wrong with the environment, its OpenID issuers and a running site
//	ginauth providers               lists the services that people can be signed in at
//	ginauth providers -probe [id…]  asks each, without an account, whether its endpoints are there
//
// The probe needs a network and no client. It tells maintainers which facts have
// aged; it asks every service twice and sends no secret.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs a command line and returns the exit status: 2 where it is not understood.
func run(ctx context.Context, args []string, out, diagnostics io.Writer) int {
	if len(args) > 0 {
		switch name, rest := args[0], args[1:]; name {
		case "secret":
			return printSecret(rest, out, diagnostics)
		case "doctor":
			return examine(ctx, rest, out, diagnostics)
		case "providers":
			return listProviders(rest, out, diagnostics)
		}
	}
	_, _ = fmt.Fprintln(diagnostics, "usage: ginauth secret\n       ginauth doctor [-json] [URL]\n       ginauth providers [-probe] [id…]")
	return 2
}
