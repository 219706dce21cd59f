package pages

import "net/http"

// Factor is what the page shows on which somebody who is signed in proves again who they
// are.
type Factor struct {
	Site                   string // the host name shown; optional
	Providers              []Provider
	CSRFToken, CallbackURL string
	Error                  string // a code, whose text is shown; optional
	Hint                   string // for developers; optional
	Script                 string // the URL of the script that passkeys need
	Resend                 bool   // a form was under way, which has to be sent again
	// CodeAction is the URL that a mailed code is posted to; empty where none was mailed.
	// Wrong says that a code was typed that is not the one.
	CodeAction string
	Wrong      bool
	// SignOutURL is where the link leads if there are no Providers: the person has no way
	// to prove who they are, except by signing in anew, or by what they set up first at
	// EnrolURL, an authenticator app, or at PasskeysURL. These are empty where that would
	// not do.
	SignOutURL, EnrolURL, PasskeysURL string
	SecondURL                         string // the page for the code of a second factor; empty: none will do
}

// factorView is the page as its template wants it.
type factorView struct {
	signInView
	CodeAction, SignOutURL, SecondURL string
	EnrolURL, PasskeysURL             string
	Resend                            bool
}

// Factor writes the page for a further proof. Its ways are those of the sign-in page,
// except that a mail goes to the address that is known.
func (s *Set) Factor(w http.ResponseWriter, p Factor) {
	f := s.frame(s.texts.FactorTitle, p.Site)
	v := factorView{
		signInView: s.signInView(SignIn{
			Providers: p.Providers, CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Error: p.Error, Hint: p.Hint, Script: p.Script,
		}, ""),
		CodeAction: p.CodeAction, SignOutURL: p.SignOutURL, SecondURL: p.SecondURL, Resend: p.Resend,
		EnrolURL: p.EnrolURL, PasskeysURL: p.PasskeysURL,
	}
	for i := range v.Forms {
		if v.Forms[i].email {
			v.Forms[i].Inputs, v.Forms[i].Label = nil, s.texts.EmailCodeButton
		} else {
			v.Forms[i].Label = s.texts.FactorButton
		}
	}
	v.Ask.Purpose, v.Ask.Label = "prove", s.texts.PasskeyProve
	if p.Wrong {
		v.Alert = s.texts.CodeWrong
	}
	f.Page = v
	policy := s.signInPolicy
	if v.Ask.Action != "" {
		policy = scripted(policy)
	}
	if p.CodeAction == "" && len(p.Providers) == 0 {
		policy = s.textPolicy
	}
	s.render(w, http.StatusOK, s.factor, policy, f)
}
