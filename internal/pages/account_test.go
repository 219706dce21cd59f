package pages_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/pages"
)

func TestBrowserName(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                     "Firefox · Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                            "Chrome · Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":              "Edge · Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1":    "Safari · iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "Chrome · iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15":                      "Safari · macOS",
		"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                               "Chrome · Android",
		"curl/8.5.0": "", "": "",
	} {
		if got := pages.BrowserName(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// TestWaysIn holds that the last way cannot be taken away, and that the others say what
// is left without them.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	item := func(name string) pages.Item { return pages.Item{Name: name, Button: &pages.Action{Do: "unlink"}} }
	if s := pages.WaysIn([]pages.Item{item("GitHub")}, ""); !s.Items[0].Only || s.Items[0].Button != nil || s.Items[0].Left != nil {
		t.Errorf("the only way: %+v", s.Items[0])
	}
	if s := pages.WaysIn([]pages.Item{item("GitHub")}, "Passkey"); s.Items[0].Only || !slices.Equal(s.Items[0].Left, []string{"Passkey"}) {
		t.Errorf("beside a passkey: %+v", s.Items[0])
	}
	s := pages.WaysIn([]pages.Item{{Name: "ada@example.com"}, item("GitHub"), item("Google")}, "")
	if s.Kind != pages.Ways || s.Items[0].Left != nil || !slices.Equal(s.Items[1].Left, []string{"ada@example.com", "Google"}) || !slices.Equal(s.Items[2].Left, []string{"ada@example.com", "GitHub"}) {
		t.Errorf("three ways: %+v", s.Items)
	}
	if s := pages.WaysIn(nil, "Passkey"); len(s.Items) != 0 {
		t.Errorf("a passkey alone: %+v", s.Items)
	}
}

// TestDevices holds that every session can be ended here, except the one that looks at
// the page.
func TestDevices(t *testing.T) {
	t.Parallel()
	one := pages.Devices([]pages.Device{{ID: "1", Here: true}})
	if len(one.Items) != 1 || one.Items[0].Button != nil || len(one.Buttons) != 0 {
		t.Errorf("one session: %+v", one)
	}
	used := time.Unix(1_800_000_000, 0)
	two := pages.Devices([]pages.Device{{ID: "1", Here: true}, {ID: "2", Browser: "Firefox", Used: used}})
	other := two.Items[1]
	if two.Items[0].Button != nil || other.Button == nil || other.Button.Fields["session"] != "2" || other.Name != "Firefox" || !other.Used.Equal(used) || len(two.Buttons) != 1 {
		t.Errorf("two sessions: %+v", two)
	}
}

// TestCodePage holds which form is shown at which URL, and where it leads.
func TestCodePage(t *testing.T) {
	t.Parallel()
	const url, back = "https://example.com/api/auth", "https://example.com/back"
	for _, row := range []struct {
		page, action, other     string
		recovery, signsIn, lead bool
	}{
		{"code", "code", "recovery", false, true, false},
		{"recovery", "recovery", "code", true, true, false},
		{"confirm", "confirm", "confirm-recovery", false, false, true},
		{"confirm-recovery", "confirm-recovery", "confirm", true, false, true},
		{"enrol", "code", "recovery", false, true, false},
	} {
		p := pages.CodePage(url, row.page, back, time.Hour)
		if p.Action != url+"/second-factor/"+row.action || p.Other != url+"/second-factor/"+row.other || p.Recovery != row.recovery ||
			(p.SignInURL != "") != row.signsIn || (p.Trust > 0) != row.signsIn || (p.CallbackURL == back) != row.lead {
			t.Errorf("%s: %+v", row.page, p)
		}
	}
	if p := pages.EnrolPage(url, "add", back); p.Action != url+"/second-factor/add" || p.CallbackURL != back || p.Required || p.SignInURL != "" {
		t.Errorf("add: %+v", p)
	}
	if p := pages.EnrolPage(url, "enrol", back); p.Action != url+"/second-factor/enrol" || p.CallbackURL != "" || !p.Required || p.SignInURL != url+"/signin" {
		t.Errorf("enrol: %+v", p)
	}
}
