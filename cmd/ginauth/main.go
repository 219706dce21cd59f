// Command ginauth helps to run a site with ginauth.
//
//	ginauth providers               lists the services that people can be signed in at
//	ginauth providers -probe [id…]  asks each, without an account, whether its endpoints are there
//
// The probe needs a network and no client. It tells maintainers which facts have
// aged; it asks every service twice and sends no secret.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "providers" {
		os.Exit(listProviders(os.Args[2:], os.Stdout, os.Stderr))
	}
	usage(os.Stderr)
	os.Exit(2)
}

func usage(w io.Writer) {
	_, _ = fmt.Fprintln(w, "usage: ginauth providers [-probe] [id…]")
}
