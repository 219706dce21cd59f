package ginauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/passkeys"
	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// passkeyID is the provider of sign-ins by passkey, and passkeyType the type of its
	// accounts, as Auth.js has them.
	passkeyID   = "passkey"
	passkeyType = "webauthn"
	// maxPasskeys is how many a user may have.
	maxPasskeys = 20
	// registrations names the rows by which a registration's challenge is used once.
	registrations = "ginauth.passkey"

	errWrongPasskey denial = "ginauth: the passkey's answer is wrong"
	errTooMany      denial = "ginauth: the user has as many passkeys as they may"
	errNotFresh     denial = "ginauth: adding or removing a passkey needs a fresh proof of who the person is"
)

// passkeyMethod is how people sign in by passkey.
type passkeyMethod struct {
	engine PasskeyEngine
	keeper passkeys.Keeper
}

// passkeys are the method of Factors.Passkeys; nil where there is none.
func (a *Auth) passkeys() *passkeyMethod {
	if p := a.provider(passkeyID); p != nil {
		m, _ := p.method.(*passkeyMethod)
		return m
	}
	return nil
}

// passkeyProvider makes the provider of Factors.Passkeys.
func (a *Auth) passkeyProvider(opts *Options, f *faults) {
	engine := opts.Factors.Passkeys
	if v := reflect.ValueOf(engine); v.Kind() == reflect.Pointer && v.IsNil() {
		f.add("Factors.Passkeys is a nil %T; leave it out, or write what passkey.New returns", engine)
		return
	}
	store, ok := opts.Adapter.(PasskeyStore)
	if !ok {
		f.add("Factors.Passkeys needs an Adapter that is a PasskeyStore; set Options.Adapter, for instance to gormadapter's")
	}
	site := ""
	if base := a.site.Fixed(); base != nil {
		site = base.Origin
	} else if a.site.Local {
		site = "http://localhost"
	}
	if err := engine.Check(site); err != nil {
		f.addAll("Factors.Passkeys", err)
	}
	m := &passkeyMethod{engine, passkeys.Keeper{
		Store: passkeys.From(store), Calls: a.calls.adapter, Most: maxPasskeys,
		Errors: passkeys.Errors{NotFound: ErrNotFound, Conflict: ErrConflict, OtherUser: errOtherUser, TooMany: errTooMany, Wrong: errWrongPasskey},
	}}
	m.keeper.Remember, m.keeper.Use = a.onceRows(registrations)
	// The one error is of an empty secret, which is a fault already.
	m.keeper.Challenges, _ = passkeys.NewChallenges(opts.Cookies.Prefix, opts.Now, append([]string{opts.Secret}, opts.PreviousSecrets...)...)
	if a.provider(passkeyID) != nil {
		f.add("a provider has the id %q, which passkeys have in their accounts; set its ID to another", passkeyID)
		return
	}
	a.providers = append(a.providers, &provider{id: passkeyID, name: m.name(), method: m})
}

func (m *passkeyMethod) name() string                                    { return "Passkey" }
func (m *passkeyMethod) kind() string                                    { return passkeyType }
func (m *passkeyMethod) check(*Options) error                            { return nil }
func (m *passkeyMethod) doubts(*slog.Logger, *Options, string, []string) {}
func (m *passkeyMethod) factor() FactorMethod                            { return FactorPasskey }
func (m *passkeyMethod) begin(r *request)                                { r.redirect(http.StatusOK, r.base.URL+"/signin") }
func (m *passkeyMethod) button(id, url string) pages.Provider {
	return pages.Provider{Action: url + "/callback/" + id}
}

// adapterFailure is where a sign-in by passkey leads that failed. All that is wrong with
// an answer looks alike: nobody learns which passkeys there are.
func (m *passkeyMethod) adapterFailure(err error) (status int, code string) {
	var denied denial
	if errors.As(err, &denied) || errors.Is(err, errOvertaken) || errors.Is(err, ErrNotFound) || errors.Is(err, errOtherUser) {
		return http.StatusUnauthorized, errorcode.PasskeySignin
	}
	return http.StatusInternalServerError, errorcode.Callback
}

// ceremony is one of this request. The page is the one that the request says it comes
// from, which ownOrigin has checked.
func (r *request) ceremony(challenge, handle []byte, known ...PasskeyCredential) PasskeyCeremony {
	c := PasskeyCeremony{
		Site: r.base.Origin, Origin: r.base.Origin, Challenge: challenge, UserHandle: handle,
		Credentials: known, UserVerification: true,
	}
	if sent := r.c.Request.Header["Origin"]; len(sent) == 1 && r.method == http.MethodPost {
		c.Origin = sent[0]
	}
	return c
}

// challenge is good for this purpose in this browser, and for nothing else. session names
// the session, or the sign-in that waits, in which it is answered.
func (r *request) challenge(purpose passkeys.Purpose, userID, session string) passkeys.Challenge {
	return passkeys.Challenge{Purpose: purpose, Browser: passkeys.Names(r.csrfToken), User: userID, Session: session}
}

// getPasskeyOptions begins a ceremony. Nothing is kept of it: what the challenge is for
// is sealed in the challenge. The route and its answer are Auth.js's.
func (r *request) getPasskeyOptions() {
	m := r.auth.passkeys()
	if m == nil || r.segment != passkeyID {
		refuse(r.c, http.StatusBadRequest, "Error: This site has no such provider")
		return
	}
	noStore(r.c.Writer.Header())
	purpose, action := passkeys.Purpose(r.c.Query("action")), r.c.Query("action")
	if purpose == "" && r.isSignedIn() {
		purpose, action = passkeys.Register, string(passkeys.Register)
	}
	switch {
	case purpose == passkeys.Second && r.auth.factors.store == nil:
		refuse(r.c, http.StatusBadRequest, "Error: This site asks for no second factors")
		return
	case purpose == passkeys.Register && !r.startAllowed(""):
		return
	case purpose != passkeys.Register && purpose != passkeys.Prove && purpose != passkeys.Second:
		purpose, action = passkeys.SignIn, "authenticate"
	}
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	options, err := m.options(ctx, r, purpose)
	if err != nil {
		r.passkeysRefused(err)
		return
	}
	r.json(http.StatusOK, struct {
		Options json.RawMessage `json:"options"`
		Action  string          `json:"action"`
	}{options, action})
}

// options are what a page asks the browser with: for anybody's passkey, for one of the
// person whose session or sign-in this is, or for a new one of theirs.
func (m *passkeyMethod) options(ctx context.Context, r *request, purpose passkeys.Purpose) (json.RawMessage, error) {
	of, user := r.challenge(purpose, "", ""), User{}
	switch purpose {
	case passkeys.Second:
		w, err := r.findWaiting(ctx)
		if err != nil {
			return nil, err
		}
		of.User, of.Session = w.User.ID, w.ID
	case passkeys.Register, passkeys.Prove:
		id, owner, err := r.passkeyOwner(ctx, purpose == passkeys.Register)
		if err != nil {
			return nil, err
		}
		of.User, of.Session, user = owner.ID, id.token.sessionID(), owner
	}
	var known []PasskeyCredential
	challenge, handle, err := m.keeper.Ask(ctx, of, &known)
	if err != nil {
		return nil, err
	}
	c := r.ceremony(challenge, handle, known...)
	if purpose != passkeys.Register {
		return m.engine.RequestOptions(c)
	}
	c.UserName, c.DisplayName = cmp.Or(user.Email, user.Name, r.base.Host()), cmp.Or(user.Name, user.Email, r.base.Host())
	return m.engine.CreationOptions(c)
}

// callback takes what an authenticator says.
func (m *passkeyMethod) callback(r *request) {
	switch {
	case r.method != http.MethodPost:
		refuse(r.c, http.StatusInternalServerError, "Error: Callback for provider type webauthn not supported")
	case !r.proven():
		r.csrfRefused("signin")
	case !r.startAllowed(""):
	case r.field("action") == string(passkeys.Register):
		r.withOwner(true, m.register(r))
	default:
		r.leave(m.signIn(r))
	}
}

// signIn signs in the person whose passkey answered.
func (m *passkeyMethod) signIn(r *request) outcome {
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	var user User
	stored, err := m.verified(ctx, r, r.challenge(passkeys.SignIn, "", ""))
	if err == nil {
		user, err = r.auth.userByID(ctx, stored.UserID)
	}
	if err != nil {
		status, code := m.adapterFailure(err)
		return r.refused("the passkey", err, status, code)
	}
	account := passkeyAccount(stored.ID)
	r.way, r.proofs = account, []factor.Proof{r.proof(FactorPasskey, user.ID)}
	return r.completeSignIn(SignInParams{User: &user, Account: &account})
}

// prove takes a further proof by the person of a session.
func (m *passkeyMethod) prove(r *request, id *identity) {
	if !r.startAllowed("") {
		return
	}
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	stored, err := m.verified(ctx, r, r.challenge(passkeys.Prove, id.token.Subject, id.token.sessionID()))
	if err != nil {
		status, code := m.adapterFailure(err)
		r.leave(r.refused("proving again", err, status, code))
		return
	}
	r.prove(id, passkeyAccount(stored.ID), r.proof(FactorPasskey, id.token.Subject))
}

func passkeyAccount(id string) Account {
	return Account{Provider: passkeyID, Type: passkeyType, ProviderAccountID: id}
}

// answer reads the answer of this request.
func (m *passkeyMethod) answer(r *request) (passkeys.Answer, []byte, error) {
	data := []byte(r.field("data"))
	answer, err := m.engine.ParseAnswer(data)
	if err != nil {
		err = fmt.Errorf("%w: %w", errWrongPasskey, err)
	}
	return passkeys.Answer(answer), data, err
}

// verified is the passkey of an answer that was made for want.
func (m *passkeyMethod) verified(ctx context.Context, r *request, want passkeys.Challenge) (passkeys.Stored, error) {
	answer, data, err := m.answer(r)
	if err != nil {
		return passkeys.Stored{}, err
	}
	stored, err := m.keeper.Prove(ctx, answer, want, func(handle []byte, public json.RawMessage) (any, bool, bool, error) {
		var known PasskeyCredential
		if err := json.Unmarshal(public, &known); err != nil {
			return nil, false, false, err
		}
		proved, err := m.engine.Verify(r.ceremony(answer.Challenge, handle, known), data)
		return proved, proved.BackedUp, proved.Cloned, err
	})
	if errors.Is(err, passkeys.ErrCloned) {
		r.auth.opts.Logger.Warn("ginauth: a passkey's signature counter went back: somebody may use a copy of it; the person should remove it", "user", stored.UserID, "passkey", stored.ID)
	}
	return stored, err
}

// register keeps a new passkey of a person.
func (m *passkeyMethod) register(r *request) func(context.Context, *identity, User) error {
	return func(ctx context.Context, id *identity, user User) error {
		stored, err := m.verifyNew(ctx, r, id, user)
		if err != nil {
			return err
		}
		// The session may end meanwhile, or the owner of the user's address prove it.
		err = m.keeper.Add(ctx, stored, func() error {
			_, now, err := r.passkeyOwner(ctx, true)
			if provedSince(user, now) {
				err = errOvertaken
			}
			return err
		})
		if err != nil {
			return err
		}
		account := passkeyAccount(stored.ID)
		r.linked(user, &account, nil)
		r.tellFactor(ctx, user.ID, FactorPasskey, FactorAdded)
		target := r.passkeysURL()
		if r.wantsJSON() {
			target = r.callbackURL
		}
		r.redirect(http.StatusOK, target)
		return nil
	}
}

// verifyNew verifies the answer of a registration, once.
func (m *passkeyMethod) verifyNew(ctx context.Context, r *request, id *identity, user User) (passkeys.Stored, error) {
	answer, data, err := m.answer(r)
	if err != nil {
		return passkeys.Stored{}, err
	}
	challenge, err := m.keeper.Registered(ctx, answer, r.challenge(passkeys.Register, user.ID, id.token.sessionID()))
	if err != nil {
		return passkeys.Stored{}, err
	}
	made, err := m.engine.Register(r.ceremony(answer.Challenge, challenge.Handle), data)
	if err != nil {
		return passkeys.Stored{}, fmt.Errorf("%w: %w", errWrongPasskey, err)
	}
	name := cmp.Or(passkeys.CleanName(r.field("name")), r.pages().PasskeyName())
	record := passkeys.NewRecord(name, challenge.Handle, made, made.BackedUp, r.auth.opts.Now())
	return passkeys.Stored{ID: passkeys.ID(made.ID), UserID: user.ID, Data: record}, nil
}

// passkeyOwner is the person of this session. Who adds or removes passkeys must have
// proved a moment ago that they are: a stolen session alone adds none.
func (r *request) passkeyOwner(ctx context.Context, fresh bool) (*identity, User, error) {
	id, err := r.openNow(ctx)
	if err != nil {
		return nil, User{}, err
	}
	user, err := r.auth.userOf(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, errOtherUser):
		err = errSignedOut
	case err == nil && fresh && !r.auth.hasFactor(id, freshProof, nil):
		err = errNotFresh
	}
	return id, user, err
}

// withOwner serves the person of this session, and answers where that fails.
func (r *request) withOwner(fresh bool, serve func(context.Context, *identity, User) error) {
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	id, user, err := r.passkeyOwner(ctx, fresh)
	if err == nil {
		err = serve(ctx, id, user)
	}
	if err != nil {
		r.passkeysRefused(err)
	}
}

// passkeysRefused answers who may not change passkeys, or not in this way.
func (r *request) passkeysRefused(err error) {
	status, code, location := http.StatusBadRequest, errorcode.PasskeyRegistration, ""
	var denied denial
	switch {
	case errors.Is(err, errNotAsked):
		status, code, location = http.StatusUnauthorized, errorcode.FactorExpired, r.base.URL+"/signin"
	case errors.Is(err, errNotFresh):
		status, code, location = http.StatusUnauthorized, errorcode.FactorRequired, withQuery(factorURL(r.base, nil), "callbackUrl", r.passkeysURL())
	case errors.Is(err, errSignedOut):
		status, code, location = http.StatusUnauthorized, errorcode.SessionRequired, r.signInFor(r.passkeysURL())
	case errors.Is(err, ErrLastAccount):
		code = errorcode.Default
	case errors.As(err, &denied), errors.Is(err, ErrExists), errors.Is(err, errOvertaken):
	default:
		r.fault("reading or changing passkeys", err)
		return
	}
	location = cmp.Or(location, r.passkeysURL()+"?error="+code)
	r.auth.opts.Logger.InfoContext(r.c.Request.Context(), "ginauth: a passkey was not changed", "code", code, "error", redact.Error(err))
	if r.wantsJSON() || r.method == http.MethodGet && r.segment != "" {
		r.json(status, map[string]string{"error": code, "url": location})
		return
	}
	r.redirect(status, location)
}

// dropPasskey takes a passkey away, and tells of it.
func (a *Auth) dropPasskey(ctx context.Context, user User, id string) error {
	err := a.passkeys().keeper.Remove(ctx, user.ID, id)
	if err == nil {
		a.unlinked(ctx, user, passkeyAccount(id))
	}
	return err
}

// listPasskeys are a user's, in any order.
func (a *Auth) listPasskeys(ctx context.Context, userID string) (list []StoredPasskey, err error) {
	var stored []passkeys.Stored
	if m := a.passkeys(); m != nil {
		stored, err = m.keeper.List(ctx, userID)
	}
	for _, s := range stored {
		list = append(list, StoredPasskey(s))
	}
	return list, err
}
