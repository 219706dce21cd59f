package ginauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/passkeys"
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
	if base := a.site.Fixed(); base != nil {
		site = base.Origin
	} else if a.site.Local {
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
	a.providers = append(a.providers, &provider{id: passkeyID, name: m.name(), method: m})
}

func (m *passkeyMethod) name() string                                    { return "Passkey" }
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
	case string(passkeys.Second):
		m.secondOptions(v)
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
	m.askFor(ctx, v, user.ID, v.challengeIn(id, passkeys.Prove))
}

// askFor asks for one of a user's passkeys.
func (m *passkeyMethod) askFor(ctx context.Context, v *request, userID string, of passkeys.Challenge) {
	list, err := v.auth.listPasskeys(ctx, userID)
	handle, known, readErr := readPasskeys(list)
	challenge, _ := m.challenges.New(of)
	var options json.RawMessage
	if err = cmp.Or(err, readErr); err == nil {
		options, err = m.engine.RequestOptions(v.ceremony(challenge, handle, known...))
	}
	if err != nil {
		v.fault("asking for a passkey", err)
		return
	}
	v.json(http.StatusOK, passkeyOptions{options, string(of.Purpose)})
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
