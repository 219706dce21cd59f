package main

import (
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
)

// secretBytes is the length of a secret before it is written in base64: a key of
// A256GCM.
const secretBytes = 32

// printSecret is the subcommand secret. It prints what `openssl rand -base64 32` prints.
func printSecret(args []string, out, diagnostics io.Writer) int {
	flags := flag.NewFlagSet("ginauth secret", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		_, _ = fmt.Fprintln(diagnostics, "usage: ginauth secret")
		return 2
	}
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails: the program would end
	_, _ = fmt.Fprintln(out, base64.StdEncoding.EncodeToString(random))
	return 0
}
