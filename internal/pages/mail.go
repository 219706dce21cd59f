package pages

import (
	"html/template"
	"strings"
)

// Mail is what a mail with a link or a code says.
type Mail struct {
	Site  string // the host name named; Texts.SiteName takes precedence
	Email string // the recipient
	URL   string // of the link
	Code  string // in place of the link
	Again bool   // the code is for somebody who is signed in and proves again who they are
	// Address is the host of the site where the recipient's address was typed; optional.
	// It is no URL: a mail with a code has no link.
	Address string
}

// A Letter is a mail's content. The subject is one line.
type Letter struct{ Subject, Text, HTML string }

// letterView is a mail as its template wants it.
type letterView struct {
	Texts         Texts
	Subject, Text string
	Reason        string
	URL, Code     string
	Brand, Ink    template.CSS // colours that were parsed and printed again
	Light         inlineColors
	Dark          template.HTML
}

// inlineColors are those of a page, for the style attributes that mail programs go by.
type inlineColors struct{ Page, Card, Text, Muted, Line template.CSS }

// lightMail are the colours of a mail where the reader's program is light, or does not
// say; darkMail is the style element for dark ones.
var (
	lightMail = inlineColors{
		Page: css(lightPalette.page), Card: css(lightPalette.card), Text: css(lightPalette.text),
		Muted: css(lightPalette.muted), Line: css(lightPalette.line),
	}
	darkMail = template.HTML("<style>:root{color-scheme:light dark;supported-color-schemes:light dark}" +
		"@media (prefers-color-scheme:dark){" +
		".page,.code{background-color:" + darkPalette.page.String() + "!important;color:" + darkPalette.text.String() + "!important}" +
		".card{background-color:" + darkPalette.card.String() + "!important;border-color:" + darkPalette.line.String() + "!important}" +
		".quiet{color:" + darkPalette.muted.String() + "!important}" +
		".line{border-color:" + darkPalette.line.String() + "!important}}</style>")
)

func css(c color) template.CSS { return template.CSS(c.String()) }

// Mail writes a mail as HTML and as plain text, since many programs show only the
// latter. It loads nothing: opening it is not reported to any server.
func (s *Set) Mail(m Mail) Letter {
	site := m.Site
	if s.texts.SiteName != "" {
		site = s.texts.SiteName
	}
	fill := s.texts.filled(site, m.Email)
	subject := strings.NewReplacer("{site}", site, "{email}", m.Email)
	v := letterView{
		Texts: s.texts, URL: m.URL, Code: m.Code,
		Subject: subject.Replace(s.texts.MailSubject), Text: fill.Replace(s.texts.MailText),
		Brand: css(s.brand), Ink: css(s.ink), Light: lightMail, Dark: darkMail,
	}
	if m.Address != "" {
		v.Reason = strings.ReplaceAll(s.texts.MailReason, "{address}", s.texts.isolated(m.Address))
	}
	proof := m.URL
	if m.Code != "" {
		v.Text, proof = fill.Replace(s.texts.MailCode), m.Code
	}
	if m.Again {
		v.Subject, v.Text = subject.Replace(s.texts.FactorMailSubject), fill.Replace(s.texts.FactorMailCode)
	}
	var body strings.Builder
	_ = s.letter.Execute(&body, v) // a template of ours, into memory
	text := v.Text + "\n\n" + proof + "\n\n" + s.texts.MailHint + "\n"
	if v.Reason != "" {
		text += "\n" + v.Reason + "\n"
	}
	return Letter{Subject: v.Subject, Text: text, HTML: body.String()}
}
