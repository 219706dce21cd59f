package conformance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables in docs/internals/conformance.md anew")

const document = "../docs/internals/conformance.md"

// The tables stand between these lines.
const (
	tablesBegin = "<!-- tables: written by go test ./conformance -update -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// profiles are the certification profiles for relying parties, by the suite's plans.
func profiles() []profile {
	var basic []string
	for _, m := range basicModules() {
		basic = append(basic, m.name)
	}
	names := func(all ...string) (full []string) {
		for _, name := range all {
			full = append(full, prefix+name)
		}
		return full
	}
	const implicit = "uses flows that RFC 9700 §2.1.2 advises against"
	list := []profile{
		{name: "Basic", modules: basic},
		{name: "Config", modules: names("-discovery-openid-config", "-discovery-jwks-uri-keys", "-discovery-issuer-mismatch", "-idtoken-sig-none", "-signing-key-rotation-just-before-signing", "-signing-key-rotation")},
		{name: "Form Post", modules: append(append([]string{}, basic...), prefix+"-form-post-error")},
		{name: "3rd Party-Initiated Login", modules: names("-3rd-party-init-login")},
		{name: "RP-Initiated Logout", modules: names("-rp-init-logout", "-rp-init-logout-other-state", "-rp-init-logout-no-state")},
		{name: "Back-Channel Logout"},
		{name: "Refresh Token (no certification)", modules: names("-refresh-token", "-refresh-token-invalid-issuer", "-refresh-token-invalid-sub")},
		{name: "Dynamic", rule: "needs WebFinger, dynamic registration and request objects"},
		{name: "Front-Channel Logout", rule: "needs cookies in a frame of another site, which browsers block"},
		{name: "Session Management", rule: "needs cookies in a frame of another site, which browsers block"},
		{name: "Implicit", rule: implicit},
		{name: "Hybrid", rule: implicit},
	}
	for _, m := range logoutModules() {
		if strings.Contains(m.name, "-rp-backchannel-") {
			list[5].modules = append(list[5].modules, m.name)
		}
	}
	return list
}

// checkDocument holds docs/internals/conformance.md to what was run, or writes it.
func checkDocument(t *testing.T, r *results, connect, fapi []module) {
	if len(r.got) != len(connect)+len(fapi) {
		return // some were left out by -run, and say nothing of the others
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tablesBegin)
	_, after, closed := strings.Cut(rest, tablesEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the tables", document)
	}
	want := before + tablesBegin + tables(r, connect, fapi) + tablesEnd + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else than what was run; run: go test ./conformance -update", document)
	}
}

// tables are what this run showed, in Markdown.
func tables(r *results, connect, fapi []module) string {
	var b strings.Builder
	of := map[string][]string{}
	b.WriteString("\n## Profiles\n\n| profile | modules that pass |\n|---|---|\n")
	for _, p := range profiles() {
		if p.rule != "" {
			_, _ = fmt.Fprintf(&b, "| %s | not supported: %s |\n", p.name, p.rule)
			continue
		}
		_, _ = fmt.Fprintf(&b, "| %s | %d of %d |\n", p.name, r.passed(p.modules), len(p.modules))
		for _, name := range p.modules {
			of[name] = append(of[name], p.name)
		}
	}
	for _, part := range []struct {
		title string
		all   []module
	}{{"Modules of OpenID Connect", connect}, {"Modules of the FAPI 2.0 Security Profile", fapi}} {
		var names []string
		for _, m := range part.all {
			names = append(names, m.name)
		}
		_, _ = fmt.Fprintf(&b, "\n## %s\n\n%d of %d pass.\n\n| module | profiles | the relying party must | result |\n|---|---|---|---|\n", part.title, r.passed(names), len(names))
		for _, m := range part.all {
			result := r.got[m.name]
			switch {
			case m.rule == "":
			case m.test == nil:
				result += ": " + m.rule
			default:
				result += "; " + m.rule
			}
			_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, strings.Join(of[m.name], ", "), m.expects, result)
		}
	}
	b.WriteString("\n")
	return b.String()
}
