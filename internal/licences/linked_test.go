package licences_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is where this module's packages are.
const module = "github.com/ginauth/ginauth"

// systems are the platforms that a program is linked for here: what another one
// links, one of these does too.
var systems = []string{"linux", "darwin", "windows"}

// A pkg is a package as go list tells of it.
type pkg struct {
	ImportPath string
	Dir        string
	Deps       []string
	Module     *struct{ Path, Version, Dir string }
}

// linkedModule is a module of which packages of ours link something.
type linkedModule struct {
	path, version, dir string
	dirs               []string // of its packages that are linked
	by                 []string // our packages that link it
	entries            []string // of them those that bring it in
}

// linkedModules are the modules that a program gets which imports packages of this
// module, by their path. Modules that only tests need are not in it.
func linkedModules(t *testing.T) []*linkedModule {
	t.Helper()
	found := map[string]*linkedModule{}
	by := map[string]map[string]bool{} // the packages of ours that link a module
	ours := map[string][]string{}      // what of ours a package of ours imports
	for _, system := range systems {
		packages := list(t, system)
		for _, p := range packages {
			if p.Module == nil || p.Module.Path != module {
				continue
			}
			for _, path := range p.Deps {
				dep := packages[path]
				switch {
				case dep.Module == nil: // the standard library's
				case dep.Module.Path == module:
					ours[p.ImportPath] = append(ours[p.ImportPath], path)
				default:
					m := found[dep.Module.Path]
					if m == nil {
						m = &linkedModule{path: dep.Module.Path, version: dep.Module.Version, dir: dep.Module.Dir}
						found[m.path], by[m.path] = m, map[string]bool{}
					}
					m.dirs = append(m.dirs, dep.Dir)
					by[m.path][p.ImportPath] = true
				}
			}
		}
	}
	for path, m := range found {
		slices.Sort(m.dirs)
		m.dirs = slices.Compact(m.dirs)
		m.by = slices.Sorted(maps.Keys(by[path]))
		m.entries = entries(m.by, ours)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *linkedModule) int { return strings.Compare(a.path, b.path) })
}

// entries are the packages that an importer meets: neither internal ones that a
// public one stands in front of, nor those that link the module because another
// one does.
func entries(by []string, ours map[string][]string) (found []string) {
	for _, path := range by {
		covered := slices.ContainsFunc(ours[path], func(dep string) bool { return public(dep) && slices.Contains(by, dep) })
		hidden := !public(path) && slices.ContainsFunc(by, func(other string) bool {
			return public(other) && slices.Contains(ours[other], path)
		})
		if !covered && !hidden {
			found = append(found, path)
		}
	}
	return found
}

func public(path string) bool { return !strings.Contains(path, "/internal/") }

// short is the name of a package of ours.
func short(path string) string {
	if path == module {
		return "ginauth"
	}
	return strings.TrimPrefix(path, module+"/")
}

// list are the packages of this module and all that they import, by their path.
func list(t *testing.T, system string) map[string]pkg {
	t.Helper()
	command := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Deps,Module", "./...")
	command.Dir = "../.."
	command.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	packages := map[string]pkg{}
	for d := json.NewDecoder(out); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	return packages
}
