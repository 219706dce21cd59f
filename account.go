package ginauth

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/origin"
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
	gone bool  // the Adapter had one, who was deleted
	ways ways
}

// An accountAction is what a form of the page asks for.
type accountAction struct {
	run   func(*account, context.Context) error
	fresh bool // it changes who may sign in as a user of the Adapter, and needs a fresh proof
}

var accountActions = map[string]accountAction{
	"link":       {(*account).link, true},
	"unlink":     {(*account).unlink, true},
	"end":        {(*account).end, false},
	"end-others": {(*account).endOthers, false},
	"delete":     {(*account).delete, true},
}

func (r *request) accountURL() string { return r.base.URL + "/" + accountPage }

// getAccount shows people who they are here, how they sign in and where they are signed in.
func (r *request) getAccount() {
	if a := r.account(); a != nil {
		refused := r.c.Query("csrf") == "true" || r.c.Query("error") != ""
		a.show(http.StatusOK, pages.Account{Done: r.c.Query("done") == "true" && !refused, Failed: refused})
	}
}

// postAccount does what a form of the page asks for.
func (r *request) postAccount() {
	action, known := accountActions[r.field("do")]
	if !known || !r.proven() {
		r.csrfRefused("account")
		return
	}
	a := r.account()
	if a == nil {
		return
	}
	if action.fresh && !a.gone && !r.auth.hasFactor(a.id, freshProof, nil) {
		r.redirect(http.StatusOK, withQuery(factorURL(r.base, nil), "callbackUrl", r.accountURL()))
		return
	}
	err := ErrNotFound
	if a.user != nil || a.gone || !action.fresh {
		err = action.run(a, context.WithoutCancel(r.c.Request.Context()))
	}
	var public publicError
	switch {
	case r.c.Writer.Written(): // the action led on by itself
	case errors.As(err, &public):
		a.show(http.StatusConflict, pages.Account{Failed: true, Text: string(public)})
	case errors.Is(err, ErrLastAccount), errors.Is(err, ErrNotFound), errors.Is(err, ErrNotSupported): // another tab was first
		a.show(http.StatusConflict, pages.Account{Failed: true})
	case err != nil:
		r.reference = newReference()
		r.auth.opts.Logger.Error("ginauth: the account page could not do what was asked", "do", r.field("do"), "error", redact.Error(err), "reference", r.reference)
		a.show(faultStatus(err), pages.Account{Failed: true, Reference: r.reference})
	default:
		r.redirect(http.StatusOK, r.accountURL()+"?done=true")
	}
}

// account is the signed-in person's. Where there is none, the request is answered: the
// sign-in page leads back here.
func (r *request) account() *account {
	ctx := r.c.Request.Context()
	id, err := r.openNow(ctx)
	if errors.Is(err, errSignedOut) {
		r.redirect(http.StatusOK, r.auth.signInURL(r.base, r.ownPath(r.accountURL())))
		return nil
	}
	a := &account{request: r, id: id}
	if err == nil && r.auth.opts.Adapter != nil {
		a.user, err = orNil(r.auth.userOf(ctx, id))
		a.gone = a.user == nil && !id.token.notInAdapter && id.token.Subject != ""
		if a.user != nil {
			a.ways, err = r.auth.waysInto(ctx, *a.user)
		}
	}
	if err != nil {
		r.auth.abortFault(r.c, r.base, "reading the account", err)
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
	var err error
	if page.Sections, err = a.sections(a.c.Request.Context()); err != nil {
		a.auth.abortFault(a.c, a.base, "reading the account", err)
		return
	}
	a.pages().Account(a.c.Writer, status, page)
}

// ownPicture is a picture of this site. One elsewhere would tell that server who looks
// at this page, and when.
func (a *account) ownPicture(url string) string {
	path := strings.TrimPrefix(url, a.base.Origin)
	if origin.CheckLink(path) != nil || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// sections are the parts of the page, in their order. The page leaves out one that has
// nothing to show.
func (a *account) sections(ctx context.Context) ([]pages.Section, error) {
	sessions, err := a.sessionsSection(ctx)
	if err != nil || a.user == nil {
		return []pages.Section{sessions}, err
	}
	own, second, deletion := pages.Section{Kind: pages.OwnPasskeys}, pages.Section{Kind: pages.SecondStep}, pages.Section{Kind: pages.Deletion}
	if a.auth.passkeys() != nil {
		list, err := a.auth.Passkeys(ctx, a.user.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			own.Items = append(own.Items, pages.Item{Name: p.Name, Used: p.LastUsed})
		}
		own.Manage = a.passkeysURL()
	}
	if a.auth.factors.store != nil {
		record, _, err := a.auth.factorRecord(ctx, a.user.ID)
		if err != nil {
			return nil, err
		}
		second.Since, second.Manage = record.Since(), a.secondURL("list")
	}
	if a.auth.opts.Callbacks.DeleteUser != nil { // which deletes what is the application's own
		deletion.Buttons = []pages.Action{{Do: "delete"}}
	}
	return []pages.Section{a.waysSection(), own, second, sessions, deletion}, nil
}

// waysSection lists the ways into the user, and what would be left without each.
func (a *account) waysSection() pages.Section {
	var items []pages.Item
	if a.ways.address != "" {
		items = append(items, pages.Item{Name: a.user.Email})
	}
	for _, account := range a.ways.accounts {
		item := pages.Item{Name: account.Provider, Button: &pages.Action{
			Do: "unlink", Fields: map[string]string{"provider": account.Provider, "account": account.ProviderAccountID},
		}}
		if p := a.auth.provider(account.Provider); p != nil {
			button := p.button("")
			item.Name, item.Way = p.name, &button
		}
		items = append(items, item)
	}
	passkeys := ""
	if len(a.ways.passkeys) > 0 {
		passkeys = a.pages().PasskeyName()
	}
	s := pages.WaysIn(items, passkeys)
	for _, p := range a.auth.providers {
		if p.method.kind() == oauthType && !slices.ContainsFunc(a.ways.accounts, func(w Account) bool { return w.Provider == p.id }) {
			s.Buttons = append(s.Buttons, pages.Action{Do: "link", Label: p.name, Fields: map[string]string{
				"provider": p.id, "callbackUrl": a.accountURL() + "?done=true", // where the provider leads back to
			}})
		}
	}
	return s
}

// link begins a sign-in that adds an account to the person who is signed in.
func (a *account) link(context.Context) error {
	p := a.auth.provider(a.field("provider"))
	if p == nil || p.method.kind() != oauthType {
		return ErrNotFound
	}
	a.provider = p
	p.method.begin(a.request)
	return nil
}

func (a *account) unlink(ctx context.Context) error {
	return a.auth.Unlink(ctx, a.id.token.Subject, a.field("provider"), a.field("account"))
}

// sessionsSection lists where the person is signed in, if the store can tell.
func (a *account) sessionsSection(ctx context.Context) (pages.Section, error) {
	list, err := a.sessions(ctx)
	devices := make([]pages.Device, len(list))
	for i, s := range list {
		devices[i] = pages.Device{ID: s.ID, Browser: s.browser, Used: s.LastUsed, Here: s.sid == a.id.token.sessionID()}
	}
	return pages.Devices(devices), err
}

// sessions are the person's; none where the store cannot list them. Somebody whom the
// Adapter does not have may share their ID with a user who got it later.
func (a *account) sessions(ctx context.Context) ([]UserSession, error) {
	if _, listed := a.auth.userStore(); !listed || a.id.token.Subject == "" {
		return nil, nil
	}
	list, err := a.auth.Sessions(ctx, a.id.token.Subject)
	return slices.DeleteFunc(list, func(s UserSession) bool { return s.notInAdapter != a.id.token.notInAdapter }), err
}

func (a *account) end(ctx context.Context) error {
	list, err := a.sessions(ctx)
	if err == nil && !slices.ContainsFunc(list, func(s UserSession) bool { return s.ID == a.field("session") }) {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	return a.auth.EndSession(ctx, a.id.token.Subject, a.field("session"))
}

// endOthers ends all sessions of the person except this one.
func (a *account) endOthers(ctx context.Context) error {
	list, err := a.sessions(ctx)
	for _, session := range list {
		if session.sid != a.id.token.sessionID() {
			if end := a.auth.EndSession(ctx, a.id.token.Subject, session.ID); !errors.Is(end, ErrNotFound) {
				err = errors.Join(err, end)
			}
		}
	}
	return err
}

// delete lets the application delete its own rows, or refuse, and then the user. Where the
// user is gone, a deletion failed half-way and is asked for again: their sessions end too.
func (a *account) delete(ctx context.Context) error {
	callback := a.auth.opts.Callbacks.DeleteUser
	if callback == nil || a.field("sure") != "true" {
		return ErrNotFound
	}
	var err error
	if !a.gone {
		err = callback(a.c, *a.user)
	}
	if err == nil {
		err = a.auth.DeleteUser(ctx, a.id.token.Subject)
	}
	if err == nil {
		_, err = a.signOut()
	}
	if err != nil {
		return err
	}
	a.redirect(http.StatusOK, a.base.Home())
	return nil
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
	return a.form(c, func(r *request) template.HTML {
		accountURL := ""
		if a.opts.AccountPage {
			accountURL = r.base.URL + "/account"
		}
		return a.words(c).AccountMenu(pages.SignOut{
			Action: r.base.URL + "/signout", CSRFToken: r.csrfToken, CallbackURL: callbackURL,
			Person: pages.Person{Name: session.User.Name, Email: session.User.Email},
		}, session.User.Image, accountURL)
	})
}

func (r *request) passkeysURL() string { return r.base.URL + "/passkeys" }

// getPasskeys shows people their passkeys.
func (r *request) getPasskeys() {
	if r.auth.passkeys() == nil {
		refuse(r.c, http.StatusBadRequest, "Error: This site has no passkeys")
		return
	}
	r.withOwner(false, func(ctx context.Context, _ *identity, user User) error {
		list, err := r.auth.Passkeys(ctx, user.ID)
		if err != nil {
			return err
		}
		page := pages.Passkeys{Site: r.base.Host(), Action: r.passkeysURL(), CSRFToken: r.csrfToken, Script: r.passkeyScriptURL()}
		for _, p := range list {
			page.Passkeys = append(page.Passkeys, pages.Passkey(p))
		}
		if len(list) < maxPasskeys {
			page.Register = r.base.URL + "/callback/" + passkeyID
		}
		switch code := r.c.Query("error"); { // the author of a link puts no words on the page
		case code == errorcode.PasskeyRegistration:
			page.Error = code
		case code != "" || r.c.Query("csrf") == "true":
			page.Failed = true
		}
		r.pages().Passkeys(r.c.Writer, http.StatusOK, page)
		return nil
	})
}

// postPasskeys renames or removes one.
func (r *request) postPasskeys() {
	m, do := r.auth.passkeys(), r.field("do")
	rename := do == "rename"
	if m == nil || !rename && do != "remove" || !r.proven() {
		r.csrfRefused("passkeys")
		return
	}
	r.withOwner(!rename, func(ctx context.Context, _ *identity, user User) (err error) {
		if rename {
			err = m.keeper.Rename(ctx, user.ID, r.field("id"), r.field("name"))
		} else if err = r.auth.RemovePasskey(ctx, user.ID, r.field("id")); err == nil {
			r.tellFactor(ctx, user.ID, FactorPasskey, FactorRemoved)
		}
		if err == nil || errors.Is(err, ErrNotFound) {
			r.redirect(http.StatusOK, r.passkeysURL())
			return nil
		}
		return err
	})
}
