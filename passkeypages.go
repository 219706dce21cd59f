package ginauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/passkeys"
	"github.com/ginauth/ginauth/internal/redact"
)

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
	v.tellFactor(ctx, user.ID, FactorPasskey, FactorAdded)
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

// secondPasskey is how somebody whose sign-in waits gives a passkey in place of a code.
func (v *request) secondPasskey(ctx context.Context, w *waiting) pages.SecondPasskey {
	list, err := v.auth.listPasskeys(ctx, w.User.ID)
	if err != nil || len(list) == 0 { // the codes go on
		return pages.SecondPasskey{}
	}
	return pages.SecondPasskey{
		Action: v.secondURL("passkey"), Script: v.passkeyScriptURL(), Wrong: v.c.Query("error") == errorcode.PasskeySignin,
	}
}

// challengeOf is a challenge that is good for a sign-in that waits, and for no other.
func (v *request) challengeOf(w *waiting) passkeys.Challenge {
	return passkeys.Challenge{Purpose: passkeys.Second, Browser: v.passkeyBrowser(), User: w.User.ID, Session: w.ID}
}

// secondOptions begins the second factor of a sign-in that waits.
func (m *passkeyMethod) secondOptions(v *request) {
	if v.auth.factors.store == nil {
		refuse(v.c, http.StatusBadRequest, "Error: This site asks for no second factors")
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	w, _, err := v.findWaiting(ctx)
	if err != nil {
		v.json(http.StatusUnauthorized, map[string]string{"error": errorcode.FactorExpired, "url": v.base.URL + "/signin"})
		return
	}
	m.askFor(ctx, v, w.User.ID, v.challengeOf(w))
}

// finishByPasskey finishes the sign-in of a person who gave a passkey as their second factor.
func (v *request) finishByPasskey(ctx context.Context, w *waiting, _ *factor.Record) {
	m := v.auth.passkeys()
	if m == nil {
		v.notWaiting(errNotAsked)
		return
	}
	if !v.startAllowed("") {
		return
	}
	if _, err := m.verified(ctx, v, v.challengeOf(w)); err != nil {
		v.tellRefused("the second factor", err, errorcode.PasskeySignin)
		v.leave(outcome{location: withQuery(v.secondURL("code"), "error", errorcode.PasskeySignin), status: http.StatusUnauthorized})
		return
	}
	now := v.auth.opts.Now()
	err := v.auth.changeFactors(ctx, w.User.ID, func(r *factor.Record) error {
		if r.Epoch != w.Epoch || !r.Spend(w.ID, time.Unix(w.Expires, 0), now) {
			return errWaiting
		}
		return nil
	})
	if err != nil {
		v.notWaiting(err)
		return
	}
	result := v.finish(w, factor.Proof{Method: string(FactorPasskey), At: now, Provider: passkeyID})
	v.finishWaiting(ctx, w, result, false)
	v.leave(result)
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
		if err = v.auth.RemovePasskey(ctx, user.ID, v.field("id")); err == nil {
			v.tellFactor(ctx, user.ID, FactorPasskey, FactorRemoved)
		}
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
