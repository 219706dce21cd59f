package providers_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// noServices are provider files that name no service: senders of mail, and kinds
// of providers.
var noServices = strings.Fields("credentials email index oauth nodemailer passkey webauthn forwardemail loops mailgun postmark resend sendgrid")

// Every provider file of NextAuth.js 4.24.15 and of Auth.js 0.41.3 is a service
// here: New makes it with the file's name for its ID, so that registered callback
// URLs and rows of accounts stay, or it is left out with a reason.
func TestLists(t *testing.T) {
	t.Parallel()
	all := providers.All()
	for _, file := range []string{"nextauth4.txt", "authjs.txt"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(string(text))
		if len(names) < 60 {
			t.Errorf("%s has %d names", file, len(names))
		}
		for _, name := range names {
			if slices.Contains(noServices, name) {
				continue
			}
			i := slices.IndexFunc(all, func(s providers.Service) bool { return s.ID == name })
			if i < 0 {
				t.Errorf("%s: %s is no service", file, name)
				continue
			}
			p, err := providers.New(name, fixtures[name].settings())
			if reason := all[i].LeftOut; reason != "" {
				if err == nil || len(reason) < 20 {
					t.Errorf("%s: %s is left out because %q, and New says %v", file, name, reason, err)
				}
				continue
			}
			if err != nil || p.(ginauth.OAuth).ID != name {
				t.Errorf("%s: %s: %v, %v", file, name, p, err)
			}
		}
	}
}

// The script that extracts witness.tsv knows the same services.
func TestServicesOfTheScript(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(witnessFolder + "/services.txt")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range providers.All() {
		ids = append(ids, s.ID)
	}
	if want := strings.Join(ids, "\n") + "\n"; string(text) != want {
		t.Error("services.txt has other services; write the ids of providers.All into it, one a line, and run extract.mjs")
	}
}

var counted = regexp.MustCompile(`\*\*(\d+) services\*\*`)

// The README counts the services that people can be signed in at.
func TestREADME_Count(t *testing.T) {
	t.Parallel()
	made := 0
	for _, s := range providers.All() {
		if s.LeftOut == "" {
			made++
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := counted.FindStringSubmatch(string(text))
	if found == nil || found[1] != strconv.Itoa(made) {
		t.Errorf("the README says %q, and there are %d", found, made)
	}
}
