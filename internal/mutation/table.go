package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	tableBegin = "<!-- made by go run ./internal/mutation -write -->\n"
	tableEnd   = "<!-- end -->\n"
)

// Table is the patches as documentation shows them.
func Table(patches []Patch) string {
	var b strings.Builder
	b.WriteString("| attack | defence removed | test that goes red |\n|---|---|---|\n")
	for _, p := range patches {
		test := p.Run
		if p.Package != whole {
			test = strings.TrimPrefix(p.Package, "./") + " " + test
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", p.Attack, p.Defence, strings.ReplaceAll(test, "|", `\|`))
	}
	return b.String()
}

// WriteTable puts the table between its marks in a file.
func WriteTable(name string, patches []Patch) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(string(text), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		return errors.New(name + " has no marks for the table")
	}
	return os.WriteFile(name, []byte(before+tableBegin+Table(patches)+tableEnd+after), 0o644)
}
