package ginauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/linking"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

// Credentials sign people in by what they type: a name and a password, a code.
// The application checks it; ginauth shows the form and makes the session.
type Credentials struct {
	// ID stands in the routes. Default: credentials.
	ID string
	// Name is what people read where there are several forms. Default:
	// Credentials.
	Name string
	// Fields are shown on the sign-in page, in this order.
	Fields []Field
	// Identifier is the name of the field by which people say who they are, for
	// Limits. Default: the first of Fields that is called username, email, login
	// or user, or is of the type email; else the first that is no password. With
	// no Fields: username and email, each for itself.
	Identifier string
	// Authorize checks what was typed and returns who that is. nil, nil refuses,
	// and the person reads that the details do not match. A PublicError refuses
	// with a text of its own. Any other error is logged and says only that
	// signing in failed.
	//
	// An error that is ErrNotFound, as an Adapter returns it, refuses like a nil User.
	//
	// A User without ID is refused. Beside an Adapter, return the adapter's ID for
	// its users, and for others an ID that no adapter's user has. For one of its users
	// the credentials are an account, linked at their first sign-in by them; a user who
	// can sign in another way already needs Auth.LinkCredentials first, and is
	// refused with OAuthAccountNotLinked until then.
	//
	// credentials are the body's fields: those of a form, or the texts and
	// numbers of a JSON object; of the form's hidden fields too. The body itself
	// has been read. Call CountGuess for the account that was found before its
	// password is compared, and return its error. Compare passwords with a library for it, such as bcrypt or
	// Argon2, and take equally long for a name that does not exist.
	Authorize func(c *gin.Context, credentials map[string]string) (*User, error)
	// Reset deletes a user's password, and whatever could set one without the mail to
	// their address, such as a change that waits to be confirmed. It is no error if
	// there is none. It is called, beside an Adapter and Email, when somebody proves
	// the address of a user who may have a password and never proved the address:
	// anybody could have registered it. They get the user, and the one with the
	// password is locked out: with Reset, the account of these credentials and the
	// user's sessions end, for which it needs Session.Revocations or a Session.Store
	// that finds a user's sessions. Without either they are refused, with
	// OAuthAccountNotLinked. It is waited for five seconds, and may be called again.
	Reset func(ctx context.Context, userID string) error
}

// A Field is an input of a form. A checkbox that is ticked is the credential "true", and
// one that is not is missing. "Remember me" is one, whose meaning Callbacks.SignIn
// decides: see Lifetime.
type Field struct {
	Name        string // of the credential
	Label       string // default: the name
	Type        string // of the HTML input, such as password or checkbox; default: text
	Placeholder string // not of a checkbox
}

func (p Credentials) configure(*http.Client) (*provider, error) {
	if p.ID == "" {
		p.ID = "credentials"
	}
	if p.Name == "" {
		p.Name = "Credentials"
	}
	m := credentialsMethod(p)
	made := &provider{id: p.ID, name: p.Name, method: &m}
	var errs []error
	if p.Authorize == nil {
		errs = append(errs, errors.New("Credentials.Authorize is nil; write the function that checks what was typed"))
	}
	for i, field := range p.Fields {
		if field.Name == "" {
			errs = append(errs, fmt.Errorf("Credentials.Fields[%d] has no Name; write what Authorize finds it by, such as username", i))
		}
	}
	named := func(field Field) bool { return field.Name == p.Identifier }
	if p.Identifier != "" && len(p.Fields) > 0 && !slices.ContainsFunc(p.Fields, named) {
		errs = append(errs, fmt.Errorf("Credentials.Identifier is %q, which none of Credentials.Fields is called; write the name of the one that says who somebody is", p.Identifier))
	}
	return made, errors.Join(errs...)
}

// credentialsMethod are configured Credentials.
type credentialsMethod Credentials

func (m *credentialsMethod) kind() string         { return credentialsType }
func (m *credentialsMethod) factor() FactorMethod { return FactorPassword }
func (m *credentialsMethod) check(*Options) error { return nil }

// doubts are of a user with a password who never proved the address: see Reset.
func (m *credentialsMethod) doubts(log *slog.Logger, opts *Options, id string, _ []string) {
	mails := slices.ContainsFunc(opts.Providers, func(p Provider) bool {
		switch p.(type) {
		case Email, *Email:
			return true
		}
		return false
	})
	if opts.Adapter == nil || !mails {
		return
	}
	_, lists := opts.Session.Store.(UserSessionStore)
	switch {
	case m.Reset == nil:
		log.Warn("ginauth: Credentials without Reset beside Email: somebody who registers with another person's address keeps that person out; set Credentials.Reset", "provider", id)
	case opts.Session.Revocations == nil && !lists:
		log.Warn("ginauth: Credentials.Reset is never called, since nothing can end the sessions of a user whose password it deletes; set Session.Revocations, or a Session.Store that lists a user's sessions, such as redisstore's", "provider", id)
	}
}

// button posts the fields at once: there is nothing to begin.
func (m *credentialsMethod) button(id, url string) pages.Provider {
	b := pages.Provider{Action: url + "/callback/" + id}
	for _, field := range m.Fields {
		b.Fields = append(b.Fields, pages.Field(field))
	}
	return b
}

// begin shows the page that they are typed on.
func (m *credentialsMethod) begin(r *request) { r.redirect(http.StatusOK, r.base.URL+"/signin") }

// identifiers are the names of the fields that say who somebody is.
func (m *credentialsMethod) identifiers() []string {
	if m.Identifier != "" {
		return []string{m.Identifier}
	}
	if len(m.Fields) == 0 {
		return []string{"username", "email"}
	}
	usual := func(f Field) bool {
		return ascii.EqualFold(f.Type, "email") || slices.Contains([]string{"username", "email", "login", "user"}, ascii.Lower(f.Name))
	}
	shown := func(f Field) bool {
		return !ascii.EqualFold(f.Type, "password") && !ascii.EqualFold(f.Type, "checkbox")
	}
	for _, suits := range []func(Field) bool{usual, shown} {
		if i := slices.IndexFunc(m.Fields, suits); i >= 0 {
			return []string{m.Fields[i].Name}
		}
	}
	return nil // a password alone says of nobody whose it is
}

// callback signs in a person who typed something.
func (m *credentialsMethod) callback(r *request) {
	if r.method != http.MethodPost {
		refuse(r.c, http.StatusInternalServerError, "Error: Callback for provider type credentials not supported")
		return
	}
	if !r.proven() {
		r.csrfRefused("signin")
		return
	}
	if user, typed, attempt := m.authorize(r); user != nil {
		defer attempt.End()
		r.proofs = []factor.Proof{r.proof(FactorPassword, user.ID)}
		r.buckets = attempt.Reached()
		r.leave(r.remember(r.admitCredentials(SignInParams{
			User:        user,
			Account:     &Account{Provider: r.provider.id, Type: credentialsType, ProviderAccountID: user.ID},
			Credentials: typed,
		})))
	}
}

// prove takes what the person of a session typed to prove again who they are.
func (m *credentialsMethod) prove(r *request, id *identity) {
	if user, _, attempt := m.authorize(r); user != nil {
		defer attempt.End()
		r.prove(id, credentialsAccount(r.provider.id, user.ID), r.proof(FactorPassword, user.ID))
	}
}

// authorize asks whose the credentials are that were typed. If they are nobody's, it has
// answered, and the user is nil; else the caller ends the attempt.
func (m *credentialsMethod) authorize(r *request) (*User, map[string]string, *limit.Try) {
	typed := map[string]string{}
	for name, value := range r.body {
		switch value := value.(type) {
		case string, []string:
			typed[name] = r.field(name)
		case json.Number:
			typed[name] = string(value)
		}
		r.secrets = append(r.secrets, typed[name])
	}
	// Longest first: a name that begins the password must not leave its rest.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	attempt, ok := r.tryAllowed(m.identifiers(), typed)
	if !ok {
		return nil, nil, nil
	}
	refused := true
	defer func() {
		if refused {
			attempt.End()
		}
	}()
	r.began = r.auth.shared.takeovers.Now()
	user, err := m.Authorize(r.c, typed)
	var public publicError
	var tooMany rateLimited
	switch {
	case errors.As(err, &tooMany):
		r.limited(tooMany.wait)
		return nil, nil, nil
	case errors.As(err, &public):
		r.tellRefused("Credentials.Authorize", err, errorcode.CredentialsSignin)
		r.leave(r.errorOutcome(http.StatusUnauthorized, r.auth.publicErrors.Publish(string(public))))
		return nil, nil, nil
	case errors.Is(err, ErrNotFound) || err == nil && user == nil: // alike: the answer must not say who has an account
		target := r.errorURL(errorcode.CredentialsSignin) + "&provider=" + url.QueryEscape(r.provider.id)
		if r.auth.opts.Session.Format == AuthJSV5 {
			target += "&code=credentials" // what Auth.js's client returns as code
		}
		r.tellRefused("Credentials.Authorize", errWrongCredentials, errorcode.CredentialsSignin)
		r.redirect(http.StatusUnauthorized, target)
		return nil, nil, nil
	case err != nil:
		r.leave(r.refused("Credentials.Authorize", err, http.StatusInternalServerError, errorcode.Callback))
		return nil, nil, nil
	}
	if user.ID == "" {
		r.leave(r.refused("Credentials.Authorize", errNoUserID, http.StatusInternalServerError, errorcode.Callback))
		return nil, nil, nil
	}
	attempt.Succeed(r.c.Request.Context())
	refused = false
	return user, typed, attempt
}

// Whom Credentials sign in may be a user of the Adapter. Then the credentials are an
// account of theirs, like one at a provider: it is linked when they first sign in, if
// there is no other way into the user. Where there is one, a password may be anybody's
// who could write it beside the user, so that only LinkCredentials links it.

var (
	errNoUserID  error = redact.Safe("ginauth: Credentials.Authorize returned a User without ID, whom nobody could tell from another; return the ID, or nil to refuse")
	errNotByThis error = redact.Safe("ginauth: the user signs in another way, and these credentials are not linked to them; call Auth.LinkCredentials where a password is set, see docs/users.md")
)

// admitCredentials signs in a person whom Authorize let in.
func (r *request) admitCredentials(p SignInParams) outcome {
	if result, refused := r.decide(p); refused {
		return result
	}
	if r.auth.opts.Adapter != nil {
		if err := r.settleCredentials(context.WithoutCancel(r.c.Request.Context()), p); err != nil {
			return r.notEntered(err)
		}
	}
	return r.startSession(p, false)
}

// settleCredentials makes the credentials an account of the adapter's user, if they are
// of one.
func (r *request) settleCredentials(ctx context.Context, p SignInParams) error {
	user, err := orNil(r.auth.userByID(ctx, p.User.ID))
	if err != nil || user == nil {
		r.notInAdapter = err == nil
		return err
	}
	*p.Account = credentialsAccount(r.provider.id, user.ID)
	r.way, r.before = *p.Account, *user
	w, err := r.auth.waysInto(ctx, *user)
	if err != nil {
		return err
	}
	switch (linking.Credentials{Linked: w.has(r.way), OtherWay: w.any()}).Decide() {
	case linking.Use:
		return nil
	case linking.Refuse:
		return errNotByThis
	}
	if waits, err := r.mustWait(ctx, *user); waits || err != nil {
		r.later = laterCredentials
		return err
	}
	fresh, err := r.auth.addAccount(ctx, *user, r.way)
	if err == nil && fresh {
		r.linked(*user, p.Account, nil)
	}
	return err
}

func credentialsAccount(providerID, userID string) Account {
	return Account{Provider: providerID, Type: credentialsType, ProviderAccountID: userID}
}

// notEntered is what a sign-in leads to that cannot go on.
func (r *request) notEntered(err error) outcome {
	status, code := r.provider.method.adapterFailure(err)
	return r.refused("the user and account", err, status, code)
}

func (m *credentialsMethod) adapterFailure(err error) (status int, code string) {
	switch {
	case errors.Is(err, errOvertaken), errors.Is(err, ErrNotFound): // the password is deleted
		return http.StatusUnauthorized, errorcode.CredentialsSignin
	case errors.Is(err, errNotByThis), errors.Is(err, errNotLinked), errors.Is(err, errOtherUser):
		return http.StatusUnauthorized, errorcode.OAuthAccountNotLinked
	}
	return http.StatusInternalServerError, errorcode.Callback
}

// LinkCredentials lets a user of the Adapter sign in by Credentials. Call it where a
// password is set for somebody who is signed in as this user, before the password is
// stored. It is no error if they are linked already.
//
// When somebody first signs in by Credentials, these are linked to a user into whom no
// other way leads: to somebody who has just registered. To a user who has an account at
// a provider, or has proved an address that Email sends to, a sign-in never links them:
// anybody who knew the address may have set the password. It is refused, with
// OAuthAccountNotLinked, until LinkCredentials is called.
//
// The error is ErrNotFound where there is no such user. Where there are several
// Credentials it is an error too: call the Adapter's LinkAccount then, with an Account
// of the type "credentials" whose ProviderAccountID is the user's ID. Unlink undoes it.
// Events.LinkAccount is not told.
func (a *Auth) LinkCredentials(ctx context.Context, userID string) error {
	if a.opts.Adapter == nil {
		return fmt.Errorf("%w: LinkCredentials needs one", errNoAdapter)
	}
	all := a.credentials()
	if len(all) != 1 {
		return fmt.Errorf("ginauth: LinkCredentials needs one Credentials in Options.Providers, and there are %d; with several call the Adapter's LinkAccount with an Account of the type %q", len(all), credentialsType)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // half a link would be one that nobody has looked at again
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	_, err = a.addAccount(ctx, user, credentialsAccount(all[0].ID, user.ID))
	return err
}

// credentials are the providers of that kind.
func (a *Auth) credentials() (all []*credentialsMethod) {
	for _, p := range a.providers {
		if m, ok := p.method.(*credentialsMethod); ok {
			all = append(all, m)
		}
	}
	return all
}
