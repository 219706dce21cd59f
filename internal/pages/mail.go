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
}

// A Letter is a mail's content. The subject is one line.
type Letter struct{ Subject, Text, HTML string }

// letterView is a mail as its template wants it.
type letterView struct {
	Texts         Texts
	Subject, Text string
	URL, Code     string
	Brand, Ink    template.CSS // colours that were parsed and printed again
}

// Mail writes a mail as HTML and as plain text, since many programs show only the
// latter. It loads nothing: opening it is not reported to any server.
func (s *Set) Mail(m Mail) (Letter, error) {
	site := m.Site
	if s.texts.SiteName != "" {
		site = s.texts.SiteName
	}
	fill := strings.NewReplacer("{site}", site, "{email}", m.Email)
	v := letterView{
		Texts: s.texts, URL: m.URL, Code: m.Code,
		Subject: fill.Replace(s.texts.MailSubject), Text: fill.Replace(s.texts.MailText),
		Brand: template.CSS(s.brand.String()), Ink: template.CSS(s.ink.String()),
	}
	proof := m.URL
	if m.Code != "" {
		v.Text, proof = fill.Replace(s.texts.MailCode), m.Code
	}
	if m.Again {
		v.Subject, v.Text = fill.Replace(s.texts.FactorMailSubject), fill.Replace(s.texts.FactorMailCode)
	}
	var body strings.Builder
	if err := s.letter.Execute(&body, v); err != nil {
		return Letter{}, err
	}
	return Letter{
		Subject: v.Subject,
		Text:    v.Text + "\n\n" + proof + "\n\n" + s.texts.MailHint + "\n",
		HTML:    body.String(),
	}, nil
}
