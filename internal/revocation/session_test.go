package revocation_test

import (
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/revocation"
)

func TestSession_ID(t *testing.T) {
	t.Parallel()
	at := time.Unix(1795479638, 0)
	tests := []struct {
		name    string
		session revocation.Session
		want    string
	}{
		{"its own name", revocation.Session{SID: "s", TokenID: "t", Subject: "u", SignedIn: at}, "s"},
		{"of ginauth before it had one", revocation.Session{TokenID: "t", Subject: "u", SignedIn: at}, "session:1795479638:u"},
		{"of next-auth", revocation.Session{TokenID: "t", Subject: "u"}, "token:t"},
		{"without a subject", revocation.Session{TokenID: "t", SignedIn: at}, "token:t"},
		{"nothing names it", revocation.Session{Subject: "u"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.session.ID(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSession_EndedBy(t *testing.T) {
	t.Parallel()
	at := time.Unix(1795479638, 0)
	tests := []struct {
		name     string
		signedIn time.Time
		revoked  time.Time
		want     bool
	}{
		{"never revoked", at, time.Time{}, false},
		{"revoked later", at, at.Add(time.Second), true},
		{"revoked in that second", at, at, true},
		{"revoked before", at, at.Add(-time.Second), false},
		{"it does not say when it began", time.Time{}, at, true},
		{"nor was it revoked", time.Time{}, time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := (revocation.Session{SignedIn: tt.signedIn}).EndedBy(tt.revoked); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// What a digest stands for is told apart by each of its parts, wherever one ends.
func TestDigests(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for what, digest := range map[string]string{
		"account":               revocation.AccountDigest("p", "i", "n"),
		"session":               revocation.SessionDigest("p", "i", "n"),
		"token":                 revocation.TokenDigest("p", "i", "n"),
		"another provider":      revocation.AccountDigest("q", "i", "n"),
		"another issuer":        revocation.AccountDigest("p", "j", "n"),
		"another name":          revocation.AccountDigest("p", "i", "m"),
		"parts cut elsewhere":   revocation.AccountDigest("pi", "", "n"),
		"a quote in the issuer": revocation.AccountDigest("p", `i","n`, "n"),
	} {
		if other, ok := seen[digest]; ok || len(digest) != 22 {
			t.Errorf("%s is %q, as %q", what, digest, other)
		}
		seen[digest] = what
	}
	if revocation.AccountDigest("p", "i", "") != "" || revocation.SessionDigest("p", "i", "") != "" || revocation.TokenDigest("p", "i", "") != "" {
		t.Error("nothing has a digest")
	}
}
