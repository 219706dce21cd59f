// Command bench measures what a guarded request of ginauth costs beside the same
// request with other libraries, in one process and one run, and prints it as a
// table. See docs/internals/performance.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/bench/internal/document"
)

func main() {
	short := flag.Bool("short", false, "a few seconds, to see that everything works; the figures mean little")
	write := flag.String("write", "", "put the table into this Markdown file, between its two markers")
	against := flag.String("against", "", "fail if a ratio is more than a fifth worse than in the table of this Markdown file")
	profile := flag.String("cpuprofile", "", "write a CPU profile of ginauth's guarded request to this file, and measure nothing")
	flag.Parse()
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	var err error
	if *profile != "" {
		err = writeProfile(*profile)
	} else {
		err = run(*short, *write, *against)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(short bool, write, against string) error {
	rounds, slice, most := 11, 40*time.Millisecond, 10_000
	if short {
		rounds, slice, most = 2, time.Millisecond, 100
	}
	t, err := measureAll(rounds, slice, most)
	if err != nil {
		return err
	}
	growth, err := measureGrowth(min(rounds, 5), slice, 10*most)
	if err != nil {
		return err
	}
	text, grows := t.markdown(), growthTable(growth)
	fmt.Print(text, "\n", grows)
	if against != "" {
		worse, err := t.regressions(against)
		if err != nil {
			return err
		}
		if len(worse) > 0 {
			return fmt.Errorf("worse than in %s:\n%s", against, strings.Join(worse, "\n"))
		}
	}
	if write == "" {
		return nil
	}
	if err := document.Write(write, "table", text); err != nil {
		return err
	}
	if err := document.Write(write, "growth", grows); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(filepath.Dir(write), "growth.svg"), []byte(plot(growth)), 0o644)
}

// writeProfile profiles ten seconds of ginauth's guarded request with the small
// session.
func writeProfile(name string) error {
	all, err := newCrowd(1, 0)
	if err != nil {
		return err
	}
	start, err := contestant{ginauthPlain, openGinauth(false), true}.start(all)
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	debug.SetGCPercent(1000) // a server's heap is larger than this program's
	l := &load{name: ginauthPlain, start: start, sessions: 1}
	for range 50 {
		if err = l.calibrate(100 * time.Millisecond); err != nil {
			break
		}
	}
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
