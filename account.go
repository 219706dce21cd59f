package ginauth

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

// accountPage is the action of the account page.
const accountPage = "account"

// An account is the page of the person who is signed in, while a request works on it.
type account struct {
	*request
	id   *identity
	user *User // of the Adapter; nil where it has none for them
	ways ways
}

// accountSections are the parts of the page, in their order. A part that has nothing to
// show is left out.
var accountSections = []func(*account, context.Context) (pages.Section, error){
	(*account).waysSection, (*account).passkeysSection, (*account).secondStepSection, (*account).sessionsSection, (*account).deletionSection,
}

// An accountAction is what a form of the page asks for.
type accountAction struct {
	run   func(*account, context.Context) error
	fresh bool // it changes who may sign in, and needs a fresh proof
}

var accountActions = map[string]accountAction{
	"link":       {(*account).link, true},
	"unlink":     {(*account).unlink, true},
	"end":        {(*account).end, false},
	"end-others": {(*account).endOthers, false},
	"delete":     {(*account).delete, true},
}

// errAnswered says that an action has answered the request.
var errAnswered = errors.New("ginauth: answered")

func (v *request) accountURL() string { return v.base.URL + "/" + accountPage }

// getAccount shows people who they are here, how they sign in and where they are signed in.
func (v *request) getAccount() {
	if a := v.account(); a != nil {
		refused := v.c.Query("csrf") == "true" || v.c.Query("error") != ""
		a.show(http.StatusOK, pages.Account{Done: v.c.Query("done") == "true" && !refused, Failed: refused})
	}
}

// postAccount does what a form of the page asks for.
func (v *request) postAccount() {
	action, known := accountActions[v.field("do")]
	if !known || !v.proven() {
		v.unproven("account")
		return
	}
	a := v.account()
	if a == nil {
		return
	}
	if action.fresh && !v.auth.hasFactor(a.id, freshProof, nil) {
		v.redirect(http.StatusOK, withQuery(factorURL(v.base, nil), "callbackUrl", v.accountURL()))
		return
	}
	var public publicError
	switch err := action.run(a, context.WithoutCancel(v.c.Request.Context())); {
	case errors.Is(err, errAnswered):
	case errors.As(err, &public):
		a.show(http.StatusConflict, pages.Account{Failed: true, Text: string(public)})
	case errors.Is(err, ErrLastAccount), errors.Is(err, ErrNotFound): // another tab was first
		a.show(http.StatusConflict, pages.Account{Failed: true})
	case err != nil:
		v.reference = newReference()
		v.auth.opts.Logger.Error("ginauth: the account page could not do what was asked", "do", v.field("do"), "error", redact.Error(err), "reference", v.reference)
		a.show(http.StatusInternalServerError, pages.Account{Failed: true, Reference: v.reference})
	default:
		v.redirect(http.StatusOK, v.accountURL()+"?done=true")
	}
}

// account is the signed-in person's. Where there is none, the request is answered: the
// sign-in page leads back here.
func (v *request) account() *account {
	ctx := v.c.Request.Context()
	id, err := v.openNow(ctx)
	if errors.Is(err, errSignedOut) {
		v.redirect(http.StatusOK, v.auth.signInURL(v.base, v.ownPath(v.accountURL())))
		return nil
	}
	a := &account{request: v, id: id}
	if err == nil && v.auth.opts.Adapter != nil && !id.token.notInAdapter {
		a.user, err = orNil(v.auth.userByID(ctx, id.token.Subject))
		if err == nil && a.user != nil {
			a.ways, err = v.auth.waysInto(ctx, *a.user)
		}
	}
	if err != nil {
		v.auth.abortFault(v.c, v.base, err)
		return nil
	}
	return a
}

// show writes the page, with what came of a form in it.
func (a *account) show(status int, page pages.Account) {
	t := &a.id.token
	page.Site, page.HomeURL, page.SignOutURL = a.base.Host(), a.base.Home(), a.base.URL+"/signout"
	page.Action, page.CSRFToken = a.accountURL(), a.csrfToken
	page.Person, page.Picture = pages.Person{Name: t.Name, Email: t.Email}, a.ownPicture(t.Picture)
	if a.user != nil {
		page.Person, page.Picture = pages.Person{Name: a.user.Name, Email: a.user.Email}, a.ownPicture(a.user.Image)
		page.Proved = !a.user.EmailVerified.IsZero()
	}
	for _, section := range accountSections {
		s, err := section(a, a.c.Request.Context())
		if err != nil {
			a.auth.abortFault(a.c, a.base, err)
			return
		}
		if len(s.Items)+len(s.Buttons) > 0 || s.Manage != "" {
			page.Sections = append(page.Sections, s)
		}
	}
	private(a.c.Writer.Header())
	a.pages().Account(a.c.Writer, status, page)
}

// ownPicture is a picture of this site. One elsewhere would tell that server who looks
// at this page, and when.
func (a *account) ownPicture(url string) string {
	path := strings.TrimPrefix(url, a.base.Origin)
	if linked(path) != nil || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// waysSection lists the ways into the user, and what would be left without each.
func (a *account) waysSection(context.Context) (pages.Section, error) {
	s := pages.Section{Kind: pages.Ways}
	if a.user == nil {
		return s, nil
	}
	var names []string
	if a.ways.address != "" {
		names = append(names, a.user.Email)
		s.Items = append(s.Items, pages.Item{Name: a.user.Email})
	}
	for _, account := range a.ways.accounts {
		item := pages.Item{Name: account.Provider, Button: &pages.Action{
			Do: "unlink", Fields: map[string]string{"provider": account.Provider, "account": account.ProviderAccountID},
		}}
		if p := a.auth.provider(account.Provider); p != nil {
			button := p.button("")
			item.Name, item.Way = p.name, &button
		}
		names = append(names, item.Name)
		s.Items = append(s.Items, item)
	}
	if len(a.ways.passkeys) > 0 {
		names = append(names, a.pages().PasskeyName())
	}
	for i := range s.Items {
		if len(names) == 1 {
			s.Items[i].Button, s.Items[i].Only = nil, true
		} else if s.Items[i].Button != nil {
			s.Items[i].Left = slices.Delete(slices.Clone(names), i, i+1)
		}
	}
	for _, p := range a.auth.providers {
		linked := slices.ContainsFunc(a.ways.accounts, func(w Account) bool { return w.Provider == p.id })
		if p.method.kind() == oauthType && !linked {
			s.Buttons = append(s.Buttons, pages.Action{Do: "link", Label: p.name, Fields: map[string]string{
				"provider": p.id, "callbackUrl": a.accountURL() + "?done=true", // where the provider leads back to
			}})
		}
	}
	return s, nil
}

// link begins a sign-in that adds an account to the person who is signed in.
func (a *account) link(context.Context) error {
	p := a.auth.provider(a.field("provider"))
	if p == nil || p.method.kind() != oauthType || a.user == nil {
		return ErrNotFound
	}
	a.provider = p
	p.method.begin(a.request)
	return errAnswered
}

func (a *account) unlink(ctx context.Context) error {
	if a.user == nil {
		return ErrNotFound
	}
	return a.auth.Unlink(ctx, a.user.ID, a.field("provider"), a.field("account"))
}

// passkeysSection lists the person's passkeys, which have a page of their own.
func (a *account) passkeysSection(ctx context.Context) (pages.Section, error) {
	s := pages.Section{Kind: pages.OwnPasskeys}
	if a.user == nil || a.auth.passkeys() == nil {
		return s, nil
	}
	list, err := a.auth.Passkeys(ctx, a.user.ID)
	for _, p := range list {
		s.Items = append(s.Items, pages.Item{Name: p.Name, Used: p.LastUsed})
	}
	s.Manage = a.base.URL + "/passkeys"
	return s, err
}

// secondStepSection says whether signing in takes a second step, which has a page of its
// own.
func (a *account) secondStepSection(ctx context.Context) (pages.Section, error) {
	s := pages.Section{Kind: pages.SecondStep}
	if a.user == nil || a.auth.factors.store == nil {
		return s, nil
	}
	record, _, err := a.auth.factorRecord(ctx, a.user.ID)
	if err == nil && record.OTP != nil {
		s.Since = time.Unix(record.OTP.Added, 0)
	}
	s.Manage = a.secondURL("list")
	return s, err
}

// sessionsSection lists where the person is signed in, if the store can tell.
func (a *account) sessionsSection(ctx context.Context) (pages.Section, error) {
	s := pages.Section{Kind: pages.Sessions}
	list, err := a.sessions(ctx)
	for _, session := range list {
		item := pages.Item{Name: session.browser, Used: session.LastUsed, Here: session.sid == a.id.token.sessionID()}
		if !item.Here {
			item.Button = &pages.Action{Do: "end", Fields: map[string]string{"session": session.ID}}
		}
		s.Items = append(s.Items, item)
	}
	if len(list) > 1 {
		s.Buttons = []pages.Action{{Do: "end-others"}}
	}
	return s, err
}

// sessions are the person's; none where the store cannot list them.
func (a *account) sessions(ctx context.Context) ([]UserSession, error) {
	if _, listed := a.auth.userStore(); !listed || a.id.token.Subject == "" {
		return nil, nil
	}
	return a.auth.Sessions(ctx, a.id.token.Subject)
}

func (a *account) end(ctx context.Context) error {
	if a.id.token.Subject == "" {
		return ErrNotFound
	}
	return a.auth.EndSession(ctx, a.id.token.Subject, a.field("session"))
}

// endOthers ends all sessions of the person except this one.
func (a *account) endOthers(ctx context.Context) error {
	list, err := a.sessions(ctx)
	for _, session := range list {
		if session.sid == a.id.token.sessionID() {
			continue
		}
		if end := a.auth.EndSession(ctx, a.id.token.Subject, session.ID); end != nil && !errors.Is(end, ErrNotFound) {
			err = errors.Join(err, end)
		}
	}
	return err
}

// deletionSection is there only where the application deletes what is its own.
func (a *account) deletionSection(context.Context) (pages.Section, error) {
	s := pages.Section{Kind: pages.Deletion}
	if a.user != nil && a.auth.opts.Callbacks.DeleteUser != nil {
		s.Buttons = []pages.Action{{Do: "delete"}}
	}
	return s, nil
}

// delete lets the application delete its own rows, or refuse, and then the user.
func (a *account) delete(ctx context.Context) error {
	callback := a.auth.opts.Callbacks.DeleteUser
	if a.user == nil || callback == nil || a.field("sure") != "true" {
		return ErrNotFound
	}
	if err := callback(a.c, *a.user); err != nil {
		return err
	}
	if err := a.auth.DeleteUser(ctx, a.user.ID); err != nil {
		return err
	}
	if _, err := a.signOut(); err != nil {
		return err
	}
	a.redirect(http.StatusOK, a.base.Home())
	return errAnswered
}

// AccountMenu unfolds, without script, below the name of the person who is signed in: a
// link to the account page, where Options.AccountPage is set, and the button that signs
// out. callbackURL is as in SignOutForm. It is empty where RequireSession or LoadSession
// found nobody; for the rest see ProviderButtons.
func (a *Auth) AccountMenu(c *gin.Context, callbackURL string) template.HTML {
	session := GetSession(c)
	if session == nil {
		return ""
	}
	return a.form(c, func(url, csrfToken string) template.HTML {
		accountURL := ""
		if a.opts.AccountPage {
			accountURL = url + "/account"
		}
		return a.words(c).AccountMenu(pages.SignOut{
			Action: url + "/signout", CSRFToken: csrfToken, CallbackURL: callbackURL,
			Person: pages.Person{Name: session.User.Name, Email: session.User.Email},
		}, session.User.Image, accountURL)
	})
}

// browserName says in two words which browser a User-Agent header is of; "" for one that
// is not known. It is for people to tell their own sessions apart, and decides nothing.
func browserName(userAgent string) string {
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
