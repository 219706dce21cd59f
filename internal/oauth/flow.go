package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/token"
)

// Reasons for which a sign-in is refused.
var (
	ErrTransaction = errors.New("oauth: the response belongs to no sign-in of this browser at this provider")
	ErrIssuer      = errors.New("oauth: the response comes from another issuer")
	ErrCode        = errors.New("oauth: the response has no usable authorization code")
	ErrSubject     = errors.New("oauth: the provider named no subject")
)

// ErrGrant says that the provider no longer honours a code or a refresh token
// (invalid_grant, RFC 6749 §5.2). Any other failure may pass.
var ErrGrant = errors.New("oauth: the provider does not honour the grant")

// Lifetime is how long a person may take at the provider.
const Lifetime = 15 * time.Minute

// A Transaction is what has to be known again when the provider's answer comes:
// it travels sealed in a cookie of its own. Field names are short because at
// most four such cookies of 600 bytes stand beside the others.
type Transaction struct {
	State    string `json:"s"`
	Verifier string `json:"v,omitempty"` // code verifier (RFC 7636 §4.1)
	Nonce    string `json:"n,omitempty"`
	Binding  string `json:"b,omitempty"` // digest of provider, issuer, client id and redirect URI
	Session  string `json:"g,omitempty"` // goth's session without its authorization URL
	Expires  int64  `json:"e"`           // Unix seconds
	MaxAge   *int64 `json:"m,omitempty"` // what was sent as max_age, in seconds

	User string `json:"u,omitempty"` // names who was signed in when it began

	// The answer comes by a cross-site POST, with no cookie but the transaction's:
	// so this one is SameSite=None and has to hold where the sign-in leads, a path
	// on this site or a URL.
	FormPost bool   `json:"p,omitempty"`
	Target   string `json:"t,omitempty"`

	// Again says that the answer came from another site and that this browser was
	// told to load it once more from this one.
	Again bool `json:"a,omitempty"`
}

// A Completed transaction is what a sign-in leaves in the browser, for its callback
// that comes again: the user whom it signed in, and where it led.
type Completed struct {
	State   string `json:"s"`
	User    string `json:"u,omitempty"` // names who was signed in; empty: it failed
	Target  string `json:"t,omitempty"` // as Transaction.Target
	Expires int64  `json:"e"`           // Unix seconds
	Again   bool   `json:"a,omitempty"` // as Transaction.Again
}

// Begin starts a sign-in: it returns where to send the browser, and the
// transaction to keep until it comes back. extra has passed DisplayParams.
func (p *Provider) Begin(ctx context.Context, redirectURL string, extra url.Values, now time.Time) (authURL string, tx *Transaction, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	r := request{redirectURL: redirectURL, state: token.Random(), nonce: token.Random()}
	if p.pkce {
		r.verifier = token.Random()
	}
	issuer, _, err := p.engine.issuer(ctx)
	if err != nil {
		return "", nil, Redact(err)
	}
	authURL, session, err := p.engine.begin(ctx, r)
	if err != nil {
		return "", nil, Redact(err, r.secrets()...)
	}
	authURL, maxAge, err := p.complete(authURL, r, extra)
	if err != nil {
		return "", nil, err
	}
	return authURL, &Transaction{
		State:    r.state,
		Verifier: r.verifier,
		Nonce:    r.nonce,
		Binding:  p.binding(issuer, redirectURL),
		Session:  session,
		Expires:  now.Add(Lifetime).Unix(),
		MaxAge:   maxAge,
		FormPost: p.formPost,
	}, nil
}

// complete sets on the provider's authorization URL what goth leaves out, and
// last of all what nothing else may decide. It returns the max_age that the URL
// has in the end, whether the developer, the request or the provider set it.
func (p *Provider) complete(authURL string, r request, extra url.Values) (complete string, maxAge *int64, err error) {
	u, err := url.Parse(authURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", nil, errors.New("oauth: the provider's authorization URL is not an http(s) URL")
	}
	q := u.Query()
	for _, params := range []url.Values{extra, p.params} { // what the developer set, no query changes
		for name, values := range params {
			q[name] = values
		}
	}
	if maxAge, err = parseMaxAge(q); err != nil {
		return "", nil, fmt.Errorf("oauth: %w", err)
	}
	q.Set("redirect_uri", r.redirectURL)
	q.Set("state", r.state)
	if r.verifier != "" {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(r.verifier))
		q.Set("code_challenge_method", "S256")
	}
	// Some providers read a plus sign as itself.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String(), maxAge, nil
}

// Complete ends a sign-in with the provider's answer, which must be the one to
// tx. The checks come in the order that spares the provider every request that
// cannot be honest: state, binding and issuer before the code is used.
func (p *Provider) Complete(ctx context.Context, tx *Transaction, redirectURL string, answer url.Values, now time.Time) (id Identity, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	if now.Unix() >= tx.Expires || !token.Equal(single(answer, "state"), tx.State) {
		return Identity{}, ErrTransaction
	}
	issuer, required, err := p.engine.issuer(ctx)
	if err != nil {
		return Identity{}, Redact(err)
	}
	if !token.Equal(tx.Binding, p.binding(issuer, redirectURL)) {
		return Identity{}, ErrTransaction
	}
	// RFC 9207 §2.4: an answer that names another issuer, or none where this
	// issuer says it always names itself, is another server's (mix-up).
	_, sent := answer["iss"]
	named := single(answer, "iss")
	if issuer != "" && (sent || required) && (named == "" || !p.engine.accepts(issuer, named)) {
		return Identity{}, ErrIssuer
	}
	code := single(answer, "code")
	if !validCode(code) {
		return Identity{}, ErrCode
	}
	r := request{redirectURL: redirectURL, state: tx.State, nonce: tx.Nonce, verifier: tx.Verifier}
	id, err = p.engine.exchange(ctx, r, code, tx.Session)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return Identity{}, Redact(err, append(r.secrets(), code)...)
	}
	// One of several issuers answered: the tokens must be its own.
	if issuer != "" && sent && named != issuer && id.Profile.RawData["iss"] != named {
		return Identity{}, ErrIssuer
	}
	if id.Profile.UserID == "" {
		return Identity{}, ErrSubject
	}
	if err := tx.checkAuthTime(id, p.openID, now); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// context bounds one step of a sign-in, and puts the client where x/oauth2 and
// go-oidc look for it.
func (p *Provider) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client)
	return context.WithTimeout(ctx, fetch.Timeout)
}

// binding ties a transaction to everything its answer may come from: finished
// at another provider's callback, with another client or under another URL, it
// is nobody's.
func (p *Provider) binding(issuer, redirectURL string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.id, issuer, p.clientID, redirectURL}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (r request) secrets() []string { return []string{r.state, r.nonce, r.verifier} }

// single returns a parameter that stands exactly once (RFC 6749 §3.1).
func single(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

// validCode bounds what is passed on to providers as a code: visible ASCII
// (RFC 6749 §A.11), without the characters that would leave a JSON string, into
// which some of goth's providers paste it.
func validCode(code string) bool {
	if code == "" || len(code) > 4096 {
		return false
	}
	for _, c := range []byte(code) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// recovered turns a panic in a provider's code into an error.
func recovered(ctx context.Context, err *error) {
	if v := recover(); v != nil {
		*err = errors.New("oauth: the provider's code panicked")
		if ctx.Err() != nil { // which some do when they get no answer
			*err = Redact(fmt.Errorf("%w: %w", ctx.Err(), *err))
		}
	}
}

// ParseTransaction reads what Transaction.Bytes wrote.
func ParseTransaction(b []byte) (*Transaction, error) {
	tx := &Transaction{}
	if err := json.Unmarshal(b, tx); err != nil {
		return nil, fmt.Errorf("oauth: transaction: %w", err)
	}
	return tx, nil
}

// ParseCompleted reads what Completed.Bytes wrote.
func ParseCompleted(b []byte) (*Completed, error) {
	done := &Completed{}
	if err := json.Unmarshal(b, done); err != nil {
		return nil, fmt.Errorf("oauth: completed transaction: %w", err)
	}
	return done, nil
}

// Bytes writes what is left of a transaction. Strings and numbers always marshal.
func (done *Completed) Bytes() []byte {
	b, _ := json.Marshal(done)
	return b
}

// Bytes writes the transaction. Strings and numbers always marshal.
func (tx *Transaction) Bytes() []byte {
	b, _ := json.Marshal(tx)
	return b
}
