package pages_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/pages"
)

func ExampleSet_Mail() {
	set, err := pages.New(pages.Theme{}, pages.Texts{SiteName: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	letter := set.Mail(pages.Mail{Email: "ada@example.com", Code: "271828"})
	fmt.Println(letter.Subject)
	fmt.Println(letter.Text)
	// Output:
	// Sign in to Acme
	// This is your code to sign in to Acme as ada@example.com.
	//
	// 271828
	//
	// It works once. If you did not ask for it, do nothing, and nothing happens.
}

func TestMail(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{BrandColor: "#ffd400"}, pages.Texts{Lang: "de"})
	const url = "https://app.example.com/api/auth/callback/email?callbackUrl=https%3A%2F%2Fapp.example.com%2F&token=abc&email=ada%40example.com"
	letter := s.Mail(pages.Mail{Site: "app.example.com", Email: "ada@example.com", URL: url})
	if letter.Subject != "Sign in to app.example.com" || !strings.Contains(letter.Text, "\n\n"+url+"\n\n") {
		t.Errorf("%+v", letter)
	}
	d := parse(t, letter.HTML)
	if got := attr(d.one(t, "a"), "href"); got != url {
		t.Errorf("the link leads to %q", got)
	}
	if style := attr(d.one(t, "a"), "style"); !strings.Contains(style, "background-color:#ffd400;color:#000000") {
		t.Errorf("the link is %q", style)
	}
	if attr(d.one(t, "html"), "lang") != "de" {
		t.Error("the language is not said")
	}
	if loads := d.all("img", "link", "script", "iframe"); len(loads) != 0 || strings.Contains(letter.HTML, "url(") || strings.Contains(letter.HTML, "@import") {
		t.Error("the mail loads something")
	}

	letter = s.Mail(pages.Mail{Site: "app.example.com", Email: "ada@example.com", Code: "012345"})
	if len(parse(t, letter.HTML).all("a")) != 0 || !strings.Contains(letter.HTML, ">012345<") || !strings.Contains(letter.Text, "\n\n012345\n\n") {
		t.Errorf("%+v", letter)
	}
}

// Whatever an address or a host is made of, it stays text (the address itself is
// checked elsewhere, and this is the second wall).
func TestMailHostile(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	for _, evil := range append(hostile, `a@b.c, <a href="//evil.example">x</a>`) {
		for _, m := range []pages.Mail{{Site: evil, Email: evil, URL: evil}, {Site: evil, Email: evil, Code: evil}} {
			letter := s.Mail(m)
			d := parse(t, letter.HTML)
			var elements []string
			for _, n := range d.all() {
				elements = append(elements, n.Data)
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && strings.Contains(a.Val, ":") && a.Val != "#ZgotmplZ" {
						t.Errorf("%q: %s has %s=%q", evil, n.Data, a.Key, a.Val)
					}
				}
			}
			want := "html head meta meta meta meta title style body div h1 p p a p"
			if m.Code != "" {
				want = "html head meta meta meta meta title style body div h1 p p p"
			}
			if got := strings.Join(elements, " "); got != want {
				t.Errorf("%q: the mail has %s", evil, got)
			}
		}
	}
}
