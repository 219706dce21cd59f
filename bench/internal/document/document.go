// Package document puts what a program has measured into a Markdown file.
package document

import (
	"fmt"
	"os"
	"strings"
)

// Write replaces what a file has between the lines <!-- name --> and
// <!-- end name -->.
func Write(file, name, text string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	replaced, err := Replace(string(raw), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(replaced), 0o644)
}

// Replace is Write for a text.
func Replace(text, name, by string) (string, error) {
	between, err := Section(text, name)
	if err != nil {
		return "", err
	}
	begin, end := lines(name)
	before, after, _ := strings.Cut(text, begin+between+end)
	return before + begin + strings.TrimSuffix(by, "\n") + "\n" + end + after, nil
}

// Section is what a text has between the lines.
func Section(text, name string) (string, error) {
	begin, end := lines(name)
	_, rest, ok := strings.Cut(text, begin)
	between, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("no lines %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return between, nil
}

func lines(name string) (begin, end string) {
	return "<!-- " + name + " -->\n", "<!-- end " + name + " -->\n"
}
