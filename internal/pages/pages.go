// Package pages renders the built-in pages: sign in, sign out, error, "check your
// email", the ones behind a mail's link and for a further proof, and the account; and the mail. They are plain HTML with one
// inline stylesheet, without scripts, and request nothing except the logos of the
// application: a page that asks for a password runs only what is in this package. It gets the values
// to show. It does not know users, sessions or flows.
package pages

import (
	"bytes"
	"embed"
	"errors"
	"html"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/markup"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed templates/pages.css
var stylesheetSource string

//go:embed templates/proofs.css
var proofsSource string

//go:embed templates/account.css
var accountSource string

// stylesheet is the source without its spaces, which every page would carry. No text in
// the source holds what is replaced. accountSheet is what the account page adds, and proofsSheet
// what those of passkeys and further factors add.
var (
	stylesheet   = tight.Replace(stylesheetSource)
	accountSheet = tight.Replace(accountSource)
	proofsSheet  = tight.Replace(proofsSource)
)

var tight = strings.NewReplacer("\n  ", "", "\n", "", " { ", "{", " {", "{", "; }", "}", ";\n}", "}", "; ", ";", ": ", ":", ", ", ",")

// A Person is who is signed in, as far as that is known.
type Person struct{ Name, Email string }

// SignOut is what the sign-out page shows.
type SignOut struct {
	Action, CSRFToken, CallbackURL string
	Site                           string // the host name shown; optional
	Person                         Person
	BackURL                        string // where to without signing out; no link when empty
	Error                          string // a code, whose text is shown; optional
	Hint                           string // for developers; optional
}

// Error is what the error page shows.
type Error struct {
	Code      string        // Configuration, AccessDenied, Verification, Default or one of Texts.Errors, in any case; an unknown one is Default
	Text      string        // the developer's own public text, shown instead of the code's
	Aborted   bool          // a guarded request ended with the code: no sign-in did
	Notice    string        // a code that says more: its text is shown below the heading of Code
	Wait      time.Duration // how long to wait before another attempt, for RateLimited; zero: not known
	Site      string        // the host name shown; optional
	SignInURL string        // where the link back leads; no link when empty
	// ContinueURL is where the link leads if the person is signed in already. It replaces
	// SignInURL.
	ContinueURL string
	// SwitchURL signs out Person, who has no access, and lets another account in; RetryURL
	// is the page itself. Each replaces SignInURL.
	Person              Person
	SwitchURL, RetryURL string
	HomeURL             string // a further link, to the site; optional
	Reference           string // of the log line that says more; optional
	Hint                string // for developers; optional
}

// VerifyRequest is what the page shows that follows the sending of a mail.
type VerifyRequest struct {
	Site string // the host name shown; optional
	// Action is the URL that a code is posted to; empty where the mail holds a link.
	Action                 string
	CSRFToken, CallbackURL string
	Wrong                  bool   // a code was typed that is not the one
	Email                  string // that this browser asked for the mail to; "" where it is not known
	AgainURL               string // what the form posts to that sends another mail
	Again                  bool   // it was sent again
	OtherURL               string // where another address can be typed; no link when empty
}

// Confirm is what the page shows that a mail's link leads to.
type Confirm struct {
	Site                           string // the host name shown; optional
	Action, CSRFToken, CallbackURL string
	Email, Token                   string // Email is shown, and both are posted
}

// Continue is what the page shows that loads another by itself.
type Continue struct {
	Site string // the host name shown; optional
	URL  string // what is loaded, http or https
}

// Set renders the pages. It is immutable and safe for concurrent use.
type Set struct {
	texts                  Texts
	links                  Links
	prefix                 string // of the application's own paths
	logo, darkLogo         string
	stylesheet             string
	brand, ink             color
	style                  template.HTML
	formPolicy, textPolicy string // Content-Security-Policy of pages with and without a form
	barePolicy             string // of a page with a form and no logo
	signInPolicy           string // of the page with the logos of providers
	templates
	accountStyle, proofsStyle    template.HTML
	proofsPolicy                 string // of the pages on which somebody looks after passkeys and further factors
	accountPolicy, picturePolicy string // of the account page, and of one with a picture of this site
}

// New validates theme and texts and prepares the pages. Its error joins all the
// faults, each naming the field and what to write instead. logos are the pictures on
// the buttons of the sign-in page, which CheckLogo found right.
func New(t Theme, texts Texts, logos ...string) (*Set, error) {
	return newSet(t, texts, Links{}, logos)
}

// Links are pages of the application that the built-in ones lead to: paths or http(s)
// URLs. There is no link where one is empty.
type Links struct{ SignUp, ForgotPassword, Terms, Privacy string }

func newSet(t Theme, texts Texts, links Links, logos []string) (*Set, error) {
	l, themeErr := t.validate()
	texts, textsErr := texts.resolve()
	if err := errors.Join(themeErr, textsErr); err != nil {
		return nil, err
	}
	style := l.properties() + stylesheet
	rules := rules{style: style, sheet: t.Stylesheet != ""}
	forAccount, forProofs := rules, rules
	forAccount.style += accountSheet
	forProofs.style += proofsSheet
	policy := rules.policy(l.imageSources...)
	sources := slices.Clone(l.imageSources)
	for _, logo := range logos {
		source, err := imageSource(logo)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	s := &Set{
		texts:      texts,
		links:      links,
		logo:       l.logo,
		darkLogo:   l.darkLogo,
		stylesheet: t.Stylesheet,
		brand:      l.brand,
		ink:        l.ink,
		// The whole element, because the hash must be that of the exact bytes between the tags.
		// Safe: the stylesheet is ours and the colours in it were parsed and printed again.
		style:        template.HTML("<style>" + style + "</style>"),
		formPolicy:   policy,
		signInPolicy: rules.policy(sources...),
		textPolicy:   policy + "; form-action 'none'",
		barePolicy:   rules.policy(),

		proofsStyle:  template.HTML("<style>" + forProofs.style + "</style>"),
		proofsPolicy: forProofs.policy(l.imageSources...),

		accountStyle:  template.HTML("<style>" + forAccount.style + "</style>"),
		accountPolicy: forAccount.policy(l.imageSources...),
		picturePolicy: forAccount.policy(append([]string{"'self'"}, l.imageSources...)...),
	}
	var err error
	s.templates, err = parsed()
	return s, err
}

// templates are those of the pages and mails. No option is in them, so that all Sets of a
// process have the same.
type templates struct {
	signIn, signOut, fault, verify *markup.Template
	confirm, letter, further       *markup.Template
	passkeys, factor               *markup.Template
	second, enrol, codes, twoStep  *markup.Template
	notice, account                *markup.Template
}

var parsed = sync.OnceValues(func() (t templates, err error) {
	for _, page := range []struct {
		file string
		into **markup.Template
	}{
		{"signin.html", &t.signIn}, {"signout.html", &t.signOut}, {"error.html", &t.fault}, {"verify.html", &t.verify},
		{"confirm.html", &t.confirm}, {"continue.html", &t.further}, {"factor.html", &t.factor}, {"passkeys.html", &t.passkeys},
		{"secondfactor.html", &t.second}, {"enrol.html", &t.enrol}, {"codes.html", &t.codes}, {"twostep.html", &t.twoStep}, {"account.html", &t.account},
	} {
		*page.into, err = markup.ParseFS(templateFiles, "layout", "templates/layout.html", "templates/mark.html", "templates/ways.html", "templates/"+page.file)
		if err != nil {
			return t, err
		}
	}
	if t.notice, err = markup.ParseFS(templateFiles, "notice.html", "templates/notice.html"); err != nil {
		return t, err
	}
	t.letter, err = markup.ParseFS(templateFiles, "mail.html", "templates/mail.html")
	return t, err
})

// SignIn writes the sign-in page.
func (s *Set) SignIn(w http.ResponseWriter, status int, p SignIn) {
	f := s.frame(s.texts.SignInTitle, p.Site)
	f.Page = s.signInView(p, f.Site)
	policy := s.signInPolicy
	if p.Script != "" {
		policy = scripted(policy)
	}
	s.render(w, status, s.signIn, policy, f)
}

// SignOut writes the page that asks whether to sign out.
func (s *Set) SignOut(w http.ResponseWriter, p SignOut) {
	f := s.frame(s.texts.SignOutTitle, p.Site)
	f.Icon, f.Initial = "door", ""
	f.Page = struct {
		SignOut
		Alert string
	}{p, s.texts.inline(p.Error)}
	s.render(w, http.StatusOK, s.signOut, s.formPolicy, f)
}

// Error writes the error page.
func (s *Set) Error(w http.ResponseWriter, status int, p Error) {
	title, text := s.texts.explained(p.Code)
	if p.Notice != "" {
		text = s.texts.inline(p.Notice)
	}
	if ascii.EqualFold(p.Code, errorcode.RateLimited) {
		text = waiting(text, p.Wait)
	}
	if p.Aborted {
		text = s.abortText(p.Code)
	}
	if p.Text != "" {
		text = errorcode.Clip(p.Text)
	}
	f := s.frame(title, p.Site)
	f.Icon = "alert"
	p.Text, p.Reference = text, s.reference(p.Reference)
	f.Page = p
	s.render(w, status, s.fault, s.textPolicy, f)
}

// VerifyRequest writes the page that says a mail is on its way.
func (s *Set) VerifyRequest(w http.ResponseWriter, p VerifyRequest) {
	f := s.frame(s.texts.VerifyTitle, p.Site)
	f.Icon = "mail"
	f.Page = p
	policy := s.textPolicy
	if p.Action != "" || p.AgainURL != "" {
		policy = s.formPolicy
	}
	s.render(w, http.StatusOK, s.verify, policy, f)
}

// Confirm writes the page that a mail's link leads to, with one button: programs
// that scan mails follow links, and must not use this one up. The address of the page
// holds the token. So nothing is loaded, not even the logo, and later requests send no
// more than the site's origin as referrer.
func (s *Set) Confirm(w http.ResponseWriter, p Confirm) {
	f := s.frame(s.texts.ConfirmTitle, p.Site)
	f.Logo = ""
	before, after, _ := strings.Cut(s.texts.ConfirmText, "{email}")
	f.Page = struct {
		Confirm
		Before, After string
	}{p, before, after}
	s.renderWith(w, http.StatusOK, s.confirm, s.barePolicy, "strict-origin", f)
}

// Continue writes a page that loads another at once, without script, for a redirect
// that has to come from this site. Its own address and the other may hold an
// authorization code: it loads only the page that it leads to, and sends no referrer.
func (s *Set) Continue(w http.ResponseWriter, p Continue) {
	f := s.frame(s.texts.SignInTitle, p.Site)
	f.Logo = ""
	f.Page = struct {
		Continue
		// Safe: the whole element, because no value may stand in a content attribute.
		Refresh template.HTML
	}{p, template.HTML(`<meta http-equiv="refresh" content="0;url=` + html.EscapeString(p.URL) + `">`)}
	s.renderWith(w, http.StatusOK, s.further, s.barePolicy+"; form-action 'none'", noReferrer, f)
}

// Below is the set for an application whose own paths have a prefix to browsers, those of
// its logos too.
func (s *Set) Below(prefix string) *Set {
	if prefix == "" {
		return s
	}
	below := *s
	below.prefix = prefix
	for _, path := range []*string{&below.logo, &below.darkLogo, &below.stylesheet} {
		*path = below.shown(*path)
	}
	return &below
}

// shown is the address of a picture or page of the application as browsers know it.
func (s *Set) shown(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, s.prefix+"/") {
		return path
	}
	return s.prefix + path
}

// reference is the line with the name of a log line.
func (s *Set) reference(reference string) string {
	if reference == "" {
		return ""
	}
	return strings.ReplaceAll(s.texts.Reference, "{reference}", s.texts.isolated(reference))
}

// frame is what the layout needs, whichever page is in it.
type frame struct {
	Texts         Texts
	Style         template.HTML
	Title, Site   string
	Logo, Initial string
	DarkLogo      template.HTML // the element that shows another one where the page is dark
	Icon          string        // lock, mail, alert, door or none: shown where there is no logo
	Stylesheet    string        // of the application; optional
	Terms         string
	Privacy       string
	Page          any
}

func (s *Set) frame(title, site string) frame {
	f := frame{
		Texts: s.texts, Style: s.style, Title: title, Site: site, Logo: s.logo, DarkLogo: s.darkSource(), Icon: "lock",
		Stylesheet: s.stylesheet, Terms: s.shown(s.links.Terms), Privacy: s.shown(s.links.Privacy),
	}
	if s.texts.SiteName != "" {
		f.Site, f.Initial = s.texts.SiteName, initial(s.texts.SiteName)
	} else if host := strings.TrimPrefix(site, "www."); strings.IndexFunc(host, unicode.IsLetter) == 0 {
		f.Initial = initial(host) // not of an IP address, where a digit says nothing
	}
	return f
}

// darkSource is the element that replaces the logo where the page is dark.
func (s *Set) darkSource() template.HTML {
	if s.darkLogo == "" {
		return ""
	}
	// Safe: the address was validated, and has no space. A comma would end it.
	address := html.EscapeString(strings.ReplaceAll(s.darkLogo, ",", "%2C"))
	return template.HTML(`<source srcset="` + address + `" media="(prefers-color-scheme: dark)">`)
}

// render executes the page into memory first: a fault in it then is a plain 500
// and never half a page under a status that says all is well.
func (s *Set) render(w http.ResponseWriter, status int, page *markup.Template, policy string, f frame) {
	s.renderWith(w, status, page, policy, sameOrigin, f)
}

func (s *Set) renderWith(w http.ResponseWriter, status int, page *markup.Template, policy, referrer string, f frame) {
	var body bytes.Buffer
	if err := page.Execute(&body, f); err != nil {
		setHeaders(w.Header(), s.textPolicy, referrer)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	setHeaders(w.Header(), policy, referrer)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the client is gone: there is nobody left to tell
}
