// Package conformance has the relying-party modules of the OpenID Foundation's
// conformance suite, each under its own name, as a test of a site with ginauth at the
// provider of package ginauthtest. It knows what a module changes and what it expects
// of a relying party. The suite itself is Java and does not run here: nobody is
// certified by these tests.
package conformance

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// A module is one test module of the suite.
type module struct {
	name    string
	expects string // of the relying party
	// test is nil where ginauth does not do what the module is about. posted asks for
	// the answer by form post, which the modules of Basic are run with too.
	test  func(t *testing.T, posted bool)
	basic bool
	// rule says by which rule of the suite the module passes, or why it is not
	// supported.
	rule string
}

// A profile is a certification profile, with the modules that it asks for.
type profile struct {
	name    string
	modules []string
	rule    string // why it is not supported
}

const prefix = "oidcc-client-test"

// modules are all relying-party modules of OpenID Connect, by name.
func modules() (all []module) {
	all = append(all, basicModules()...)
	all = append(all, configModules()...)
	all = append(all, tokenModules()...)
	all = append(all, refreshModules()...)
	all = append(all, logoutModules()...)
	all = append(all, startModules()...)
	all = append(all, unsupported()...)
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.name, b.name) })
	return all
}

// results are the outcomes of this run, by module.
type results struct {
	mu  sync.Mutex
	got map[string]string
}

// run runs modules, all at once, and notes how each ended.
func (r *results) run(t *testing.T, all []module) {
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { r.note(t, m) })
			switch {
			case m.test == nil:
				t.Skip("not supported: " + m.rule)
			case m.basic:
				t.Run("query", func(t *testing.T) { m.test(t, false) })
				t.Run("form_post", func(t *testing.T) { m.test(t, true) })
			default:
				m.test(t, false)
			}
		})
	}
}

func (r *results) note(t *testing.T, m module) {
	outcome := "passed"
	switch {
	case t.Failed():
		outcome = "failed"
	case m.test == nil:
		outcome = "not supported"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil {
		r.got = map[string]string{}
	}
	r.got[m.name] = outcome
}

// passed counts the modules of these names that passed.
func (r *results) passed(names []string) (n int) {
	for _, name := range names {
		if r.got[name] == "passed" {
			n++
		}
	}
	return n
}

// Every relying-party module that applies passes, under its own name; afterwards
// docs/internals/conformance.md says so.
func TestModules(t *testing.T) {
	t.Parallel()
	r := &results{}
	connect, fapi := modules(), fapiModules()
	t.Run("openid-connect", func(t *testing.T) { r.run(t, connect) })
	t.Run("fapi-2", func(t *testing.T) { r.run(t, fapi) })
	if t.Failed() {
		return
	}
	checkNames(t, connect, fapi)
	checkDocument(t, r, connect, fapi)
}

// Numbers of modules in the suite, as of its commit 12f2a4d of August 20, 2026.
const (
	connectModules = 57
	fapi2Modules   = 32 // of the client plan; Brazil's registration is a plan of its own
)

// checkNames sees that no module is there twice or left out, and that each that is not
// run has a reason.
func checkNames(t *testing.T, connect, fapi []module) {
	seen := map[string]bool{}
	for _, m := range append(append([]module{}, connect...), fapi...) {
		if seen[m.name] {
			t.Errorf("%s is there twice", m.name)
		}
		seen[m.name] = true
		if m.test == nil && m.rule == "" {
			t.Errorf("%s is not run, and nothing says why", m.name)
		}
	}
	if len(connect) != connectModules || len(fapi) != fapi2Modules {
		t.Errorf("there are %d modules of OpenID Connect and %d of FAPI 2, want %d and %d", len(connect), len(fapi), connectModules, fapi2Modules)
	}
	for _, p := range profiles() {
		for _, name := range p.modules {
			if !seen[name] {
				t.Errorf("%s has the module %s, which is not there", p.name, name)
			}
		}
	}
}
