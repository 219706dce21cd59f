package main

import "fmt"

// targets says of each promise whether this run held it.
func (t *table) targets() []string {
	const small, large = 0, 1
	var lines []string
	say := func(held bool, format string, args ...any) {
		word := "missed"
		if held {
			word = "held"
		}
		lines = append(lines, word+": "+fmt.Sprintf(format, args...))
	}
	for _, row := range []struct {
		name   string
		col    int
		factor float64
	}{
		{storeSigned, small, 8},
		{storeSealed, small, 8},
		{ginJWT, small, 3},
		{scsMemory, small, 5},
		{storeSigned, large, 6},
		{storeSealed, large, 6},
	} {
		ratio := float64(t.costs[row.name][row.col].nanoseconds) / float64(t.costs[ginauthPlain][row.col].nanoseconds)
		say(ratio >= row.factor, "%s, %s: at least %.0f times ginauth's time; it is %.1f times", row.name, columns[row.col].title, row.factor, ratio)
	}
	for _, col := range []int{small, large} {
		name, limit := t.limit(col)
		ratio := float64(t.costs[ginauthPlain][col].nanoseconds) / float64(limit.nanoseconds)
		if col == small {
			say(ratio <= 2, "ginauth, %s: at most 2 times %s; it is %.2f times", columns[col].title, name, ratio)
		} else {
			lines = append(lines, fmt.Sprintf("no target: ginauth, %s, is %.2f times %s", columns[col].title, ratio, name))
		}
	}
	allocations := t.costs[ginauthPlain][small].allocations
	say(allocations <= 12, "ginauth, %s: at most 12 allocations; it makes %.0f", columns[small].title, allocations)
	return lines
}
