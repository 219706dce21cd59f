package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ginauth/ginauth/bench/internal/document"
)

// regressionShare is how much a ratio may be worse than in the committed table.
const regressionShare = 0.2

// regressions compares this run's ratios with those of the table in a Markdown file, for
// the small and the large session: what others take as a multiple of ginauth's time may
// not have fallen by more than a fifth, and what ginauth's other rows take may not have
// risen by more. Rows of Node.js, which run by themselves, and of gin alone, which takes
// next to nothing, have no say. It returns a line for each ratio that is worse.
func (t *table) regressions(file string) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	text, err := document.Section(string(raw), "table")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	committed := readTable(text)
	if committed[ginauthPlain][0] == 0 {
		return nil, fmt.Errorf("%s: the table has no row %s", file, ginauthPlain)
	}
	var worse []string
	for _, name := range t.names {
		if name == ginauthPlain || name == ginAlone || isNode(name) {
			continue
		}
		for col := range 2 {
			own, ok := t.costs[name][col]
			before := committed[name][col] / committed[ginauthPlain][col]
			if !ok || committed[name][col] == 0 {
				continue
			}
			now := own.nanoseconds / t.costs[ginauthPlain][col].nanoseconds
			fallen, risen := now < before*(1-regressionShare), now > before*(1+regressionShare)
			if ours := strings.HasPrefix(name, "ginauth"); ours && risen || !ours && fallen {
				worse = append(worse, fmt.Sprintf("%s, %s: %.2f times ginauth's time, and %.2f in the committed table", name, columns[col].title, now, before))
			}
		}
	}
	return worse, nil
}

// readTable reads the nanoseconds of the small and the large session from a table that
// markdown wrote, by the rows' names. A cell that is empty is 0.
func readTable(text string) map[string][2]float64 {
	rows := map[string][2]float64{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		var times [2]float64
		for col, at := range []int{2, 5} { // each is followed by allocations and bytes
			number, _, _ := strings.Cut(strings.TrimSpace(cells[at]), " ")
			times[col], _ = strconv.ParseFloat(number, 64)
		}
		if times[0] > 0 {
			rows[strings.TrimSpace(cells[1])] = times
		}
	}
	return rows
}
