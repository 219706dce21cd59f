package mutants

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// An Equivalent is a mutant that behaves as the code does, so that no test can tell.
type Equivalent struct{ File, Change, Reason string }

// ReadEquivalents reads a list of them, a line each:
//
//	FILE FUNC: BEFORE => AFTER // REASON
//
// as a run prints survivors, without the line's number. Empty lines and those that begin
// with # are skipped.
func ReadEquivalents(name string) (all []Equivalent, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var faults []error
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		e, ok := parseEquivalent(line)
		if !ok {
			faults = append(faults, fmt.Errorf("%s:%d: not FILE FUNC: BEFORE => AFTER // REASON", name, number))
			continue
		}
		all = append(all, e)
	}
	return all, errors.Join(faults...)
}

func parseEquivalent(line string) (Equivalent, bool) {
	at := strings.LastIndex(line, " // ")
	if at < 0 {
		return Equivalent{}, false
	}
	rest, reason := line[:at], strings.TrimSpace(line[at+len(" // "):])
	file, change, ok := strings.Cut(rest, " ")
	e := Equivalent{file, strings.TrimSpace(change), reason}
	return e, ok && reason != "" && strings.Contains(change, ": ") && strings.Contains(change, " => ")
}

func (e Equivalent) is(m *Mutant) bool { return e.File == m.File && e.Change == m.change() }

// unknown are the entries that fit no mutant any more.
func unknown(list []Equivalent, all []*Mutant) (stale []Equivalent) {
	known := map[Equivalent]bool{}
	for _, m := range all {
		known[Equivalent{File: m.File, Change: m.change()}] = true
	}
	for _, e := range list {
		if !known[Equivalent{File: e.File, Change: e.Change}] {
			stale = append(stale, e)
		}
	}
	return stale
}
