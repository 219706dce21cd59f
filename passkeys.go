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
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
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
)

const (
	errWrongPasskey denial = "ginauth: the passkey's answer is wrong"
	errTooMany      denial = "ginauth: the user has as many passkeys as they may"
	errNotFresh     denial = "ginauth: adding or removing a passkey needs a fresh proof of who the person is"
)

// passkeyMethod is how people sign in by passkey.
type passkeyMethod struct {
	engine     PasskeyEngine
	store      PasskeyStore
	challenges *passkeys.Challenges
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
	m := &passkeyMethod{engine: opts.Factors.Passkeys}
	if v := reflect.ValueOf(m.engine); v.Kind() == reflect.Pointer && v.IsNil() {
		f.add("Factors.Passkeys is a nil %T; leave it out, or write what passkey.New returns", m.engine)
		return
	}
	var ok bool
	if m.store, ok = opts.Adapter.(PasskeyStore); !ok {
		f.add("Factors.Passkeys needs an Adapter that is a PasskeyStore; set Options.Adapter, for instance to gormadapter's")
	}
	site := ""
	if base := a.fixedBase(opts.BaseURL); base != nil {
		site = base.Origin
	} else if a.site.local {
		site = "http://localhost"
	}
	if err := m.engine.Check(site); err != nil {
		f.addAll("Factors.Passkeys", err)
	}
	if opts.Secret != "" { // else it is a fault already
		var err error
		if m.challenges, err = passkeys.NewChallenges(opts.Cookies.Prefix, opts.Now, append([]string{opts.Secret}, opts.PreviousSecrets...)...); err != nil {
			f.add("%w", err)
		}
	}
	if a.provider(passkeyID) != nil {
		f.add("a provider has the id %q, which passkeys have in their accounts; set its ID to another", passkeyID)
		return
	}
	a.providers = append(a.providers, &provider{id: passkeyID, name: "Passkey", method: m})
}

func (m *passkeyMethod) kind() string                                    { return passkeyType }
func (m *passkeyMethod) check(*Options) error                            { return nil }
func (m *passkeyMethod) doubts(*slog.Logger, *Options, string, []string) {}
func (m *passkeyMethod) adapterFailure(err error) (status int, code string) {
	return passkeyFailure(err)
}
func (m *passkeyMethod) factor() FactorMethod { return FactorPasskey }
func (m *passkeyMethod) begin(v *request)     { v.redirect(http.StatusOK, v.base.URL+"/signin") }
func (m *passkeyMethod) button(id, url string) pages.Provider {
	return pages.Provider{Action: url + "/callback/" + id}
}

// passkeyFailure is where a sign-in by passkey leads that failed. All that is wrong with
// an answer looks alike: nobody learns which passkeys there are.
func passkeyFailure(err error) (status int, code string) {
	var denied denial
	if errors.As(err, &denied) || errors.Is(err, errOvertaken) || errors.Is(err, ErrNotFound) || errors.Is(err, errOtherUser) {
		return http.StatusUnauthorized, errorcode.PasskeySignin
	}
	return http.StatusInternalServerError, errorcode.Callback
}

// passkeyBrowser names the browser of this request in a challenge.
func (v *request) passkeyBrowser() string { return passkeys.Names(v.csrfToken) }

// ceremony is one of this request. The page is the one that the request says it comes
// from, which ownOrigin has checked.
func (v *request) ceremony(challenge, handle []byte, credentials ...PasskeyCredential) PasskeyCeremony {
	c := PasskeyCeremony{
		Site: v.base.Origin, Origin: v.base.Origin, Challenge: challenge, UserHandle: handle,
		Credentials: credentials, UserVerification: true,
	}
	if sent := v.c.Request.Header["Origin"]; len(sent) == 1 && v.method == http.MethodPost {
		c.Origin = sent[0]
	}
	return c
}

// getPasskeyOptions begins a ceremony. Nothing is kept of it: what the challenge is for
// is sealed in the challenge. The route and its answer are Auth.js's.
func (v *request) getPasskeyOptions() {
	m := v.auth.passkeys()
	if m == nil || v.segment != passkeyID {
		refuse(v.c, http.StatusBadRequest, "Error: This site has no such provider")
		return
	}
	noStore(v.c.Writer.Header())
	action := v.c.Query("action")
	if action == "" && v.isSignedIn() {
		action = string(passkeys.Register)
	}
	switch action {
	case string(passkeys.Register):
		m.registerOptions(v)
		return
	case string(passkeys.Prove):
		m.proveOptions(v)
		return
	}
	challenge, _ := m.challenges.New(passkeys.Challenge{Purpose: passkeys.SignIn, Browser: v.passkeyBrowser()})
	options, err := m.engine.RequestOptions(v.ceremony(challenge, nil))
	if err != nil {
		v.fault("asking for a passkey", err)
		return
	}
	v.json(http.StatusOK, passkeyOptions{options, "authenticate"})
}

// passkeyOptions are the answer of Auth.js's webauthn-options.
type passkeyOptions struct {
	Options json.RawMessage `json:"options"`
	Action  string          `json:"action"`
}

// callback takes what an authenticator says.
func (m *passkeyMethod) callback(v *request) {
	switch {
	case v.method != http.MethodPost:
		refuse(v.c, http.StatusInternalServerError, "Error: Callback for provider type webauthn not supported")
	case !v.proven():
		v.unproven("signin")
	case !v.startAllowed(""):
	case v.field("action") == string(passkeys.Register):
		m.register(v)
	default:
		v.leave(m.signIn(v))
	}
}

// signIn signs in the person whose passkey answered.
func (m *passkeyMethod) signIn(v *request) outcome {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	stored, err := m.verified(ctx, v, passkeys.Challenge{Purpose: passkeys.SignIn, Browser: v.passkeyBrowser()})
	var user User
	if err == nil {
		user, err = v.auth.userByID(ctx, stored.UserID)
	}
	if err != nil {
		status, code := passkeyFailure(err)
		return v.refused("the passkey", err, status, code)
	}
	account := passkeyAccount(stored.ID)
	v.way, v.proofs = account, []factor.Proof{v.proof(FactorPasskey, user.ID)}
	return v.completeSignIn(SignInParams{User: &user, Account: &account})
}

// proveOptions begins a proof by the person of a session, with one of their passkeys.
func (m *passkeyMethod) proveOptions(v *request) {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	id, user, err := v.passkeyOwner(ctx)
	if err != nil && !errors.Is(err, errNotFresh) {
		v.passkeysRefused(err)
		return
	}
	list, err := v.auth.listPasskeys(ctx, user.ID)
	handle, known, readErr := readPasskeys(list)
	challenge, _ := m.challenges.New(v.challengeIn(id, passkeys.Prove))
	var options json.RawMessage
	if err = cmp.Or(err, readErr); err == nil {
		options, err = m.engine.RequestOptions(v.ceremony(challenge, handle, known...))
	}
	if err != nil {
		v.fault("asking for a passkey", err)
		return
	}
	v.json(http.StatusOK, passkeyOptions{options, string(passkeys.Prove)})
}

// prove takes a further proof by the person of a session.
func (m *passkeyMethod) prove(v *request, id *identity) {
	if !v.startAllowed("") {
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	stored, err := m.verified(ctx, v, v.challengeIn(id, passkeys.Prove))
	if err != nil {
		status, code := passkeyFailure(err)
		v.leave(v.refused("proving again", err, status, code))
		return
	}
	v.prove(id, passkeyAccount(stored.ID), v.proof(FactorPasskey, id.token.Subject))
}

// challengeIn is a challenge that is good in this session alone.
func (v *request) challengeIn(id *identity, purpose passkeys.Purpose) passkeys.Challenge {
	return passkeys.Challenge{Purpose: purpose, Browser: v.passkeyBrowser(), User: id.token.Subject, Session: id.token.sessionID()}
}

func passkeyAccount(id string) Account {
	return Account{Provider: passkeyID, Type: passkeyType, ProviderAccountID: id}
}

// verified is the passkey of an answer that was made for want.
func (m *passkeyMethod) verified(ctx context.Context, v *request, want passkeys.Challenge) (passkeys.Stored, error) {
	method, answer, err := m.answered(v)
	if err != nil {
		return passkeys.Stored{}, err
	}
	stored, err := method.Prove(ctx, answer, want)
	if errors.Is(err, passkeys.ErrCloned) {
		v.auth.opts.Logger.Warn("ginauth: a passkey's signature counter went back: somebody may use a copy of it; the person should remove it", "user", stored.UserID, "passkey", stored.ID)
	}
	return stored, wrongPasskey(err)
}

// answered reads the answer of this request, and makes the method that verifies it.
func (m *passkeyMethod) answered(v *request) (*passkeys.Method, passkeys.Answer, error) {
	data := []byte(v.field("data"))
	answer, err := m.engine.ParseAnswer(data)
	if err != nil {
		return nil, passkeys.Answer{}, errors.Join(errWrongPasskey, err)
	}
	return &passkeys.Method{
		Challenges: m.challenges, Now: v.auth.opts.Now, NotFound: ErrNotFound, Conflict: ErrConflict,
		Get: func(ctx context.Context, id string) (passkeys.Stored, error) {
			stored, err := bulkhead.Do(ctx, v.auth.calls.adapter, func(ctx context.Context) (StoredPasskey, error) { return m.store.GetPasskey(ctx, id) })
			return passkeys.Stored(stored), err
		},
		Update: func(ctx context.Context, s passkeys.Stored, data []byte) error {
			return v.auth.adapt(ctx, func(ctx context.Context) error { return m.store.UpdatePasskey(ctx, StoredPasskey(s), data) })
		},
		Verify: func(handle []byte, public json.RawMessage) (passkeys.Proved, error) {
			var credential PasskeyCredential
			if err := json.Unmarshal(public, &credential); err != nil {
				return passkeys.Proved{}, err
			}
			proved, err := m.engine.Verify(v.ceremony(answer.Challenge, handle, credential), data)
			if err != nil {
				return passkeys.Proved{}, err
			}
			public, err = json.Marshal(proved)
			return passkeys.Proved{Public: public, Synced: proved.BackedUp, Cloned: proved.Cloned}, err
		},
	}, passkeys.Answer(answer), nil
}

// wrongPasskey marks what is wrong with an answer as nobody's fault.
func wrongPasskey(err error) error {
	var refusal passkeys.Refusal
	if errors.As(err, &refusal) {
		return errors.Join(errWrongPasskey, err)
	}
	return err
}

// readPasskey reads a stored passkey.
func readPasskey(stored StoredPasskey) (passkeys.Record, PasskeyCredential, error) {
	record, err := passkeys.ParseRecord(stored.Data)
	var credential PasskeyCredential
	if err == nil {
		err = json.Unmarshal(record.Public, &credential)
	}
	return record, credential, err
}

// readPasskeys reads those of one user; handle is what their devices know the user by.
func readPasskeys(list []StoredPasskey) (handle []byte, known []PasskeyCredential, err error) {
	for _, stored := range list {
		record, credential, err := readPasskey(stored)
		if err != nil {
			return nil, nil, err
		}
		handle, known = record.Handle, append(known, credential)
	}
	return handle, known, nil
}

// registerOptions begins a registration for the person of this session.
func (m *passkeyMethod) registerOptions(v *request) {
	if !v.startAllowed("") {
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	id, user, err := v.passkeyOwner(ctx)
	var options json.RawMessage
	if err == nil {
		options, err = m.beginRegistration(ctx, v, id, user)
	}
	if err != nil {
		v.passkeysRefused(err)
		return
	}
	v.json(http.StatusOK, passkeyOptions{options, string(passkeys.Register)})
}

func (m *passkeyMethod) beginRegistration(ctx context.Context, v *request, id *identity, user User) (json.RawMessage, error) {
	list, err := v.auth.listPasskeys(ctx, user.ID)
	if err != nil || len(list) >= maxPasskeys {
		return nil, cmp.Or(err, error(errTooMany))
	}
	handle, known, err := readPasskeys(list)
	if err != nil {
		return nil, err
	}
	if handle == nil { // else the same: a device keeps one passkey of a handle
		handle = passkeys.NewHandle()
	}
	want := v.challengeIn(id, passkeys.Register)
	want.Handle = handle
	challenge, made := m.challenges.New(want)
	err = v.auth.adapt(ctx, func(ctx context.Context) error {
		return v.auth.opts.Adapter.CreateVerificationToken(ctx, VerificationToken{Identifier: registrations, Hash: made.ID, Expires: time.Unix(made.Expires, 0)})
	})
	if err != nil {
		return nil, err
	}
	c := v.ceremony(challenge, handle, known...)
	c.UserName = cmp.Or(user.Email, user.Name, v.base.Host())
	c.DisplayName = cmp.Or(user.Name, user.Email, v.base.Host())
	return m.engine.CreationOptions(c)
}

// passkeyOwner is who may add or remove passkeys: the person of this session, who proved
// a moment ago that they are. A stolen session alone adds none.
func (v *request) passkeyOwner(ctx context.Context) (*identity, User, error) {
	id, err := v.openNow(ctx)
	if err != nil {
		return nil, User{}, err
	}
	user, err := v.auth.userByID(ctx, id.token.Subject)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, errOtherUser):
		return nil, User{}, errSignedOut
	case err != nil:
		return nil, User{}, err
	}
	if !v.auth.hasFactor(id, freshProof, nil) {
		return id, user, errNotFresh
	}
	return id, user, nil
}

// register keeps a new passkey.
func (m *passkeyMethod) register(v *request) {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	id, user, err := v.passkeyOwner(ctx)
	var stored StoredPasskey
	if err == nil {
		stored, err = m.verifyNew(ctx, v, id, user)
	}
	if err == nil {
		err = m.keepNew(ctx, v, user, stored)
	}
	if err != nil {
		v.passkeysRefused(err)
		return
	}
	account := passkeyAccount(stored.ID)
	v.linked(user, &account, nil)
	v.auth.opts.Logger.InfoContext(ctx, "ginauth: a passkey was added", "user", user.ID, "passkey", stored.ID)
	if v.wantsJSON() {
		v.json(http.StatusOK, map[string]string{"url": v.callbackURL})
		return
	}
	v.redirect(http.StatusFound, v.base.URL+"/passkeys")
}

// verifyNew verifies the answer of a registration, once.
func (m *passkeyMethod) verifyNew(ctx context.Context, v *request, id *identity, user User) (StoredPasskey, error) {
	method, answer, err := m.answered(v)
	if err != nil {
		return StoredPasskey{}, err
	}
	challenge, err := method.Open(answer, v.challengeIn(id, passkeys.Register))
	if err != nil {
		return StoredPasskey{}, wrongPasskey(err)
	}
	_, err = bulkhead.Do(ctx, v.auth.calls.adapter, func(ctx context.Context) (VerificationToken, error) {
		return v.auth.opts.Adapter.UseVerificationToken(ctx, registrations, challenge.ID)
	})
	if errors.Is(err, ErrNotFound) { // it was used before
		err = errWrongPasskey
	}
	if err != nil {
		return StoredPasskey{}, err
	}
	made, err := m.engine.Register(v.ceremony(answer.Challenge, challenge.Handle), []byte(v.field("data")))
	if err != nil {
		return StoredPasskey{}, errors.Join(errWrongPasskey, err)
	}
	record := passkeys.Record{
		Name: cmp.Or(passkeys.CleanName(v.field("name")), v.pages().PasskeyName()), Handle: challenge.Handle,
		Created: v.auth.opts.Now().UnixMilli(), Synced: made.BackedUp,
	}
	record.Public, err = json.Marshal(made)
	return StoredPasskey{ID: passkeys.ID(made.ID), UserID: user.ID, Data: record.Bytes()}, err
}

// keepNew stores a passkey, and takes it back where meanwhile the session ended, the
// owner of the user's address proved it, or others made it one too many.
func (m *passkeyMethod) keepNew(ctx context.Context, v *request, user User, stored StoredPasskey) error {
	if err := v.auth.adapt(ctx, func(ctx context.Context) error { return m.store.CreatePasskey(ctx, stored) }); err != nil {
		return err
	}
	_, now, err := v.passkeyOwner(ctx)
	list, listErr := v.auth.listPasskeys(ctx, user.ID)
	switch err = cmp.Or(err, listErr); {
	case err == nil && provedSince(user, now):
		err = errOvertaken
	case err == nil && len(list) > maxPasskeys:
		err = errTooMany
	}
	if err != nil {
		err = errors.Join(err, v.auth.adapt(ctx, func(ctx context.Context) error { return m.store.DeletePasskey(ctx, user.ID, stored.ID) }))
	}
	return err
}

// passkeysRefused answers who may not change passkeys, or not in this way.
func (v *request) passkeysRefused(err error) {
	status, code := http.StatusBadRequest, errorcode.PasskeyRegistration
	location := v.base.URL + "/passkeys?error=" + code
	var denied denial
	switch {
	case errors.Is(err, errUnavailable), !errors.As(err, &denied) && !errors.Is(err, errSignedOut) && !errors.Is(err, ErrExists) && !errors.Is(err, errOvertaken) && !errors.Is(err, ErrLastAccount):
		v.fault("changing a passkey", err)
		return
	case errors.Is(err, errNotFresh):
		status, code, location = http.StatusUnauthorized, errorcode.FactorRequired, withQuery(factorURL(v.base, nil), "callbackUrl", v.base.URL+"/passkeys")
	case errors.Is(err, errSignedOut):
		status, code, location = http.StatusUnauthorized, errorcode.SessionRequired, withQuery(v.base.URL+"/signin", "callbackUrl", v.base.URL+"/passkeys")
	}
	v.auth.opts.Logger.InfoContext(v.c.Request.Context(), "ginauth: a passkey was not changed", "code", code, "error", redact.Error(err))
	if v.wantsJSON() || v.method == http.MethodGet && v.segment != "" {
		v.json(status, map[string]string{"error": code, "url": location})
		return
	}
	v.redirect(status, location)
}

// getPasskeys shows people their passkeys.
func (v *request) getPasskeys() {
	if v.auth.passkeys() == nil {
		refuse(v.c, http.StatusBadRequest, "Error: This site has no passkeys")
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	_, user, err := v.passkeyOwner(ctx)
	if err != nil && !errors.Is(err, errNotFresh) {
		v.passkeysRefused(err)
		return
	}
	list, err := v.auth.Passkeys(ctx, user.ID)
	if err != nil {
		v.fault("listing the passkeys", err)
		return
	}
	page := pages.Passkeys{Site: v.base.Host(), Action: v.base.URL + "/passkeys", CSRFToken: v.csrfToken, Script: v.passkeyScriptURL()}
	for _, p := range list {
		page.Passkeys = append(page.Passkeys, pages.Passkey(p))
	}
	if len(list) < maxPasskeys {
		page.Register = v.base.URL + "/callback/" + passkeyID
	}
	if v.c.Query("error") != "" { // whatever it says: the author of a link puts no words on the page
		page.Error = errorcode.PasskeyRegistration
	}
	v.pages().Passkeys(v.c.Writer, http.StatusOK, page)
}

// postPasskeys renames or removes one.
func (v *request) postPasskeys() {
	if v.auth.passkeys() == nil || !v.proven() {
		v.unproven("passkeys")
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	_, user, err := v.passkeyOwner(ctx)
	if rename := v.field("do") == "rename"; rename && (err == nil || errors.Is(err, errNotFresh)) {
		err = v.auth.renamePasskey(ctx, user.ID, v.field("id"), v.field("name"))
	} else if err == nil {
		err = v.auth.RemovePasskey(ctx, user.ID, v.field("id"))
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		v.passkeysRefused(err)
		return
	}
	v.redirect(http.StatusOK, v.base.URL+"/passkeys")
}

// renamePasskey stores a name for a passkey of a user. An empty one changes nothing.
func (a *Auth) renamePasskey(ctx context.Context, userID, id, name string) error {
	list, err := a.listPasskeys(ctx, userID)
	at := slices.IndexFunc(list, func(p StoredPasskey) bool { return p.ID == id })
	if name = passkeys.CleanName(name); err != nil || at < 0 || name == "" {
		return err
	}
	record, err := passkeys.ParseRecord(list[at].Data)
	if err != nil {
		return err
	}
	record.Name = name
	return a.adapt(ctx, func(ctx context.Context) error {
		return a.passkeys().store.UpdatePasskey(ctx, list[at], record.Bytes())
	})
}

// A Passkey is one of a user's, for a page that shows people theirs.
type Passkey struct {
	ID       string // names it for RemovePasskey
	Name     string // that the person gave it
	Created  time.Time
	LastUsed time.Time // zero: never
	Synced   bool      // it is backed up, so that other devices of the person have it too
	Cloned   bool      // its signature counter went back once: somebody may have copied it
}

// Passkeys returns the passkeys of a user, the oldest first. userID is the token's
// subject. There are none without Factors.Passkeys.
func (a *Auth) Passkeys(ctx context.Context, userID string) ([]Passkey, error) {
	stored, err := a.listPasskeys(requestContext(ctx), userID)
	list := make([]Passkey, 0, len(stored))
	for _, s := range stored {
		record, _, err := readPasskey(s)
		if err != nil {
			return nil, err
		}
		p := Passkey{ID: s.ID, Name: record.Name, Created: time.UnixMilli(record.Created), Synced: record.Synced, Cloned: record.Cloned}
		if record.Used != 0 {
			p.LastUsed = time.UnixMilli(record.Used)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Passkey) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

// RemovePasskey takes a passkey away from a user, such as that of a lost device. The
// error is ErrNotFound where they have none of this ID, and ErrLastAccount where they
// could not sign in without it. Their sessions go on: RevokeUser ends them.
func (a *Auth) RemovePasskey(ctx context.Context, userID, id string) error {
	if a.passkeys() == nil {
		return fmt.Errorf("%w: RemovePasskey needs Factors.Passkeys", ErrNotSupported)
	}
	ctx = context.WithoutCancel(requestContext(ctx))
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	w, err := a.waysInto(ctx, user)
	if err != nil {
		return err
	}
	if w.has(passkeyAccount(id)) && len(w.passkeys) == 1 && len(w.accounts) == 0 && w.address == "" {
		return ErrLastAccount
	}
	return a.dropPasskey(ctx, user, id)
}

// dropPasskey takes a passkey away, and tells of it.
func (a *Auth) dropPasskey(ctx context.Context, user User, id string) error {
	err := a.adapt(ctx, func(ctx context.Context) error { return a.passkeys().store.DeletePasskey(ctx, user.ID, id) })
	if err == nil {
		a.unlinked(ctx, user, passkeyAccount(id))
	}
	return err
}

// listPasskeys are a user's, in any order.
func (a *Auth) listPasskeys(ctx context.Context, userID string) ([]StoredPasskey, error) {
	m := a.passkeys()
	if m == nil {
		return nil, nil
	}
	list, err := bulkhead.Do(ctx, a.calls.adapter, func(ctx context.Context) ([]StoredPasskey, error) { return m.store.ListPasskeys(ctx, userID) })
	if err == nil && slices.ContainsFunc(list, func(p StoredPasskey) bool { return p.UserID != userID }) {
		err = errOtherUser
	}
	return list, err
}
