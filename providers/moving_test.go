package providers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

const (
	movingGuide = "../docs/from-nextauth.md"
	movingBegin = "<!-- subjects: written by go test ./providers -run MovingGuide -update -->\n"
	movingEnd   = "<!-- end of subjects -->\n"
)

// The moving guide lists every service at which the subject differs from
// NextAuth's, as the comparison with its own code has it, and a line that keeps it.
func TestMovingGuide(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("\n| provider | its subject | keep it with |\n|---|---|---|\n")
	lines := 0
	for _, row := range readTSV(t, "differences.tsv", 3) {
		reason, isSubject := strings.CutPrefix(row[2], "subject: ")
		_, setting, keeps := strings.Cut(row[2], `Subject: "`)
		if !isSubject && !keeps {
			continue
		}
		lines++
		s := fixtures[row[0]].settings()
		line := ""
		if keeps {
			s.Subject, _, _ = strings.Cut(setting, `"`)
			reason, _, _ = strings.Cut(reason, "; Subject:")
			line = fmt.Sprintf("`%s_SUBJECT=%s`", strings.ToUpper(strings.ReplaceAll(row[0], "-", "_")), s.Subject)
		} else {
			values := map[string]string{"subject": "sub"}
			for name, value := range s.Values {
				values[name] = value
			}
			s.Values = values
			reason, _, _ = strings.Cut(reason, "; the setting")
			line = fmt.Sprintf("`%s_SUBJECT=sub`", strings.ToUpper(strings.ReplaceAll(row[0], "-", "_")))
		}
		if p, err := providers.New(row[0], s); err != nil || p.(ginauth.OAuth).ID != row[0] {
			t.Errorf("%s: the line that keeps the subject: %v", row[0], err)
		}
		_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row[0], reason, line)
	}
	b.WriteString("\n")
	if lines < 5 {
		t.Errorf("%d lines", lines)
	}
	text, err := os.ReadFile(movingGuide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), movingBegin)
	_, after, closed := strings.Cut(rest, movingEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the subjects", movingGuide)
	}
	want := before + movingBegin + b.String() + movingEnd + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(movingGuide, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else; run: go test ./providers -run MovingGuide -update", movingGuide)
	}
}

// With its line, a person is who they were at NextAuth.
func TestKeepsNextAuthSubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id, subject string
		values      map[string]string
		profile     func(p person) any
		want        string
	}{
		{"bitbucket", "account_id", nil, func(p person) any { return obj{"uuid": p.ID, "account_id": "acc-" + p.ID} }, "acc-1001"},
		{"salesforce", "sub", nil, func(p person) any { return obj{"user_id": p.ID, "sub": "https://login.salesforce.com/id/00D/" + p.ID} }, "https://login.salesforce.com/id/00D/1001"},
		{"pinterest", "username", nil, func(p person) any { return obj{"id": p.ID, "username": "ada"} }, "ada"},
		{"trakt", "user.ids.slug", nil, func(p person) any { return obj{"user": obj{"ids": obj{"slug": "ada", "uuid": p.ID}}} }, "ada"},
		{"azure-ad", "", map[string]string{"subject": "sub"}, nil, "1001"},
		{"microsoft-entra-id", "", map[string]string{"subject": "sub"}, nil, "1001"},
	} {
		t.Run(tt.id, func(t *testing.T) {
			t.Parallel()
			fix := fixtures[tt.id]
			s := fix.settings()
			s.Subject = tt.subject
			if tt.values != nil {
				s.Values = map[string]string{"tenant": directory, "subject": "sub"}
			}
			if tt.profile != nil {
				for place := range fix.profiles {
					if !strings.Contains(place, "emails") {
						fix.profiles = at(place, tt.profile)
					}
				}
			}
			made, err := providers.New(tt.id, s)
			if err != nil {
				t.Fatal(err)
			}
			f := newFake(t, fix)
			if tt.id == "bitbucket" {
				f.fixture.profiles["https://api.bitbucket.org/2.0/user/emails"] = func(person) any { return obj{"values": []obj{}} }
			}
			a := newApp(t, f, made)
			b := a.near(t)
			if res := b.answer(f, f.approve(b.begin(tt.id), ada).String()); !res.session {
				t.Fatal(a.log.take())
			}
			if user, account := a.signedIn(); user.ID != tt.want || account.ProviderAccountID != tt.want {
				t.Errorf("%q, %q", user.ID, account.ProviderAccountID)
			}
		})
	}
}
