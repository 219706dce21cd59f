package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// A result is what one check came to. What an application sets in its code is not
// seen from outside, so that an option without its variable is neither right nor wrong.
type result string

const (
	right  result = "right"
	wrong  result = "wrong"
	unseen result = "unseen"
)

// The exit status of a report.
const (
	allRight   = 0
	someWrong  = 1
	someUnseen = 3 // and none wrong
)

// maxDetail bounds what one finding says, in characters: sites and issuers write some
// of it.
const maxDetail = 500

// A finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	Result result `json:"result"`
	Detail string `json:"detail"`
}

// A report is what the doctor found, in the order in which it looked.
type report struct{ checks []finding }

// add adds a finding. What others wrote cannot move the terminal's cursor or forge
// another line.
func (r *report) add(check string, of result, format string, args ...any) {
	detail := strings.Map(func(c rune) rune {
		if c == '\n' || c == '\r' || c == '\t' {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, fmt.Sprintf(format, args...))
	if runes := []rune(detail); len(runes) > maxDetail {
		detail = string(runes[:maxDetail]) + "…"
	}
	r.checks = append(r.checks, finding{check, of, detail})
}

// settle drops what could not be seen where another check has seen it.
func (r *report) settle(check, by string) {
	if slices.ContainsFunc(r.checks, func(f finding) bool { return f.Check == by && f.Result == right }) {
		r.checks = slices.DeleteFunc(r.checks, func(f finding) bool { return f.Check == check && f.Result == unseen })
	}
}

// count is how many checks came to a result.
func (r *report) count(of result) (n int) {
	for _, f := range r.checks {
		if f.Result == of {
			n++
		}
	}
	return n
}

// result is the result of all checks together, and the exit status of the command.
func (r *report) result() (result, int) {
	switch {
	case r.count(wrong) > 0:
		return wrong, someWrong
	case r.count(unseen) > 0:
		return unseen, someUnseen
	}
	return right, allRight
}

// write writes the report, as JSON for machines or as a table for people.
func (r *report) write(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		all, _ := r.result()
		return e.Encode(struct {
			Result result    `json:"result"`
			Checks []finding `json:"checks"`
		}{all, r.checks})
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r.checks {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", f.Result, f.Check, f.Detail)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d right, %d wrong, %d unseen: code may set it, or it cannot be seen from here\n",
		r.count(right), r.count(wrong), r.count(unseen))
	return err
}
