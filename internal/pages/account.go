package pages

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/errorcode"
)

// Account is what the page shows on which people look after their account.
type Account struct {
	Site              string // the host name shown; optional
	Person            Person
	Proved            bool   // the person's address
	Picture           string // of this site; optional
	Action, CSRFToken string // of the forms
	SignOutURL        string
	HomeURL           string
	Sections          []Section
	Done, Failed      bool   // the last form
	Text              string // why it failed, in the application's words; optional
	Reference         string // of the log line that says more; optional
}

// A Kind of section has words of its own.
type Kind int

const (
	Ways       Kind = iota // to sign in
	Sessions               // where the person is signed in
	Deletion               // of the account
	SecondStep             // of a sign-in
	OwnPasskeys
)

// A Section is a part of the account page.
type Section struct {
	Kind    Kind
	Items   []Item
	Buttons []Action
	Manage  string    // the URL of the page for it; optional
	Since   time.Time // a SecondStep is set up; zero: it is not
}

// An Item is one thing that the person has.
type Item struct {
	Name   string
	Way    *Provider // whose mark it has; optional
	Used   time.Time // the last time; zero: not known
	Here   bool      // the session that looks at the page
	Only   bool      // there is no other way to sign in
	Left   []string  // the ways that are left without it
	Button *Action
}

// WaysIn is the section of the ways to sign in: these, and one called passkeys that has a
// page of its own; "" for none. What is left without an item stands beside it, and the
// only way cannot be taken away.
func WaysIn(items []Item, passkeys string) Section {
	var names []string
	for _, item := range items {
		names = append(names, item.Name)
	}
	if passkeys != "" {
		names = append(names, passkeys)
	}
	for i := range items {
		if len(names) == 1 {
			items[i].Button, items[i].Only = nil, true
		} else if items[i].Button != nil {
			items[i].Left = slices.Delete(slices.Clone(names), i, i+1)
		}
	}
	return Section{Kind: Ways, Items: items}
}

// A Device is where somebody is signed in.
type Device struct {
	ID, Browser string
	Used        time.Time
	Here        bool // it looks at the page
}

// Devices is the section of these. All except the one that looks at the page can be ended.
func Devices(list []Device) Section {
	s := Section{Kind: Sessions}
	for _, d := range list {
		item := Item{Name: d.Browser, Used: d.Used, Here: d.Here}
		if !d.Here {
			item.Button = &Action{Do: "end", Fields: map[string]string{"session": d.ID}}
		}
		s.Items = append(s.Items, item)
	}
	if len(list) > 1 {
		s.Buttons = []Action{{Do: "end-others"}}
	}
	return s
}

// An Action is a form with one button.
type Action struct {
	Do     string            // what it asks for
	Label  string            // of a provider to link
	Fields map[string]string // sent along
}

// accountView is the page as its template wants it.
type accountView struct {
	Account
	Letter, Alert string
	Parts         []part
}

// part is a Section in words.
type part struct {
	ID, Title, Text string
	Manage          string // a URL; optional
	Items           []entry
	Buttons         []deed
}

// entry is an Item in words.
type entry struct {
	ID, Name, Note string
	Mark           mark
	Marked         bool
	Button         []deed // one or none
}

// deed is an Action in words.
type deed struct {
	URL, CSRFToken, Do, Label string
	Fields                    []hiddenField
	Sure                      string // the label of a box that has to be ticked first
	Describes                 string // the id of what it is done to
	Danger                    bool
}

type hiddenField struct{ Name, Value string }

// Account writes the account page.
func (s *Set) Account(w http.ResponseWriter, status int, p Account) {
	v := accountView{Account: p, Letter: initial(p.Person.Name + p.Person.Email)}
	v.Reference, v.Picture = s.reference(p.Reference), s.shown(p.Picture)
	if p.Failed {
		v.Alert = cmp.Or(errorcode.Clip(p.Text), s.texts.AccountFailed)
	}
	for _, section := range p.Sections {
		if len(section.Items)+len(section.Buttons) > 0 || section.Manage != "" { // else it has nothing to show
			v.Parts = append(v.Parts, s.part(p, section))
		}
	}
	f := s.frame(s.texts.AccountTitle, p.Site)
	f.Style, f.Icon, f.Page = s.accountStyle, "none", v
	policy := s.accountPolicy
	if p.Picture != "" {
		policy = s.picturePolicy
	}
	s.render(w, status, s.account, policy, f)
}

func (s *Set) part(p Account, section Section) part {
	v := part{ID: "ways", Title: s.texts.AccountWays, Manage: section.Manage}
	switch section.Kind {
	case Sessions:
		v.ID, v.Title = "sessions", s.texts.AccountDevices
	case Deletion:
		v.ID, v.Title, v.Text = "deletion", s.texts.AccountDelete, s.texts.AccountDeleteText
	}
	switch {
	case section.Kind == SecondStep && section.Since.IsZero():
		v.ID, v.Title, v.Text = "second-step", s.texts.TwoStepTitle, s.texts.TwoStepNone
	case section.Kind == SecondStep:
		v.ID, v.Title, v.Text = "second-step", s.texts.TwoStepTitle, s.texts.on(s.texts.TwoStepApp, section.Since)
	case section.Kind == OwnPasskeys:
		v.ID, v.Title = "passkeys", s.texts.PasskeysTitle
		if len(section.Items) == 0 {
			v.Text = s.texts.PasskeysNone
		}
	}
	for i, item := range section.Items {
		v.Items = append(v.Items, s.entry(p, item, v.ID+"-"+strconv.Itoa(i)))
	}
	for _, button := range section.Buttons {
		v.Buttons = append(v.Buttons, s.deed(p, button))
	}
	return v
}

func (s *Set) entry(p Account, item Item, id string) entry {
	e := entry{ID: id, Name: cmp.Or(item.Name, s.texts.AccountBrowser)}
	if way := item.Way; way != nil {
		e.Mark, e.Marked = s.mark(e.Name, Provider{Mark: way.Mark, Color: way.Color}), true
	}
	var notes []string
	if item.Here {
		notes = append(notes, s.texts.AccountHere)
	}
	if !item.Used.IsZero() && !item.Here {
		notes = append(notes, strings.ReplaceAll(s.texts.AccountUsed, "{time}", s.texts.isolated(item.Used.UTC().Format("2006-01-02 15:04 UTC"))))
	}
	if item.Only {
		notes = append(notes, s.texts.AccountOnly)
	}
	if len(item.Left) > 0 {
		var ways []string
		for _, way := range item.Left {
			ways = append(ways, s.texts.isolated(way))
		}
		notes = append(notes, strings.ReplaceAll(s.texts.AccountLeft, "{ways}", strings.Join(ways, ", ")))
	}
	e.Note = strings.Join(notes, " ")
	if item.Button != nil {
		button := s.deed(p, *item.Button)
		button.Describes = id
		e.Button = []deed{button}
	}
	return e
}

func (s *Set) deed(p Account, a Action) deed {
	d := deed{URL: p.Action, CSRFToken: p.CSRFToken, Do: a.Do}
	switch a.Do {
	case "link":
		d.Label = strings.ReplaceAll(s.texts.AccountConnect, "{provider}", a.Label)
	case "unlink":
		d.Label = s.texts.AccountRemove
	case "end":
		d.Label = s.texts.AccountEnd
	case "end-others":
		d.Label = s.texts.AccountEndOthers
	case "delete":
		d.Label, d.Sure, d.Danger = s.texts.AccountDelete, s.texts.AccountDeleteSure, true
	}
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		d.Fields = append(d.Fields, hiddenField{name, a.Fields[name]})
	}
	return d
}

// BrowserName says in two words which browser a User-Agent header is of; "" for one that
// is not known. It is for people to tell their own sessions apart, and decides nothing.
func BrowserName(userAgent string) string {
	name := firstWithin(userAgent, []string{"Edg", "Edge"}, []string{"OPR/", "Opera"}, []string{"SamsungBrowser", "Samsung Internet"},
		[]string{"Firefox/", "Firefox"}, []string{"FxiOS", "Firefox"}, []string{"CriOS", "Chrome"}, []string{"Chrome/", "Chrome"}, []string{"Safari/", "Safari"})
	system := firstWithin(userAgent, []string{"iPhone", "iPhone"}, []string{"iPad", "iPad"}, []string{"Android", "Android"},
		[]string{"Windows", "Windows"}, []string{"Mac OS X", "macOS"}, []string{"CrOS", "ChromeOS"}, []string{"Linux", "Linux"})
	if name != "" && system != "" {
		name += " · "
	}
	return name + system
}

// firstWithin is the name beside the first of the words that a text has.
func firstWithin(text string, words ...[]string) string {
	for _, word := range words {
		if strings.Contains(text, word[0]) {
			return word[1]
		}
	}
	return ""
}
