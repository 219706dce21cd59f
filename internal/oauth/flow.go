package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/token"
)

// Reasons for which a sign-in is refused.
var (
	ErrTransaction error = redact.Safe("oauth: the response belongs to no sign-in of this browser at this provider")
	ErrIssuer      error = redact.Safe("oauth: the response comes from another issuer")
	ErrCode        error = redact.Safe("oauth: the response has no usable authorization code")
	ErrSubject     error = redact.Safe("oauth: the provider named no subject")
)

// ErrGrant says that a code or refresh token is invalid, has expired or was revoked
// (invalid_grant, RFC 6749 §5.2). Any other failure may be temporary.
var ErrGrant = errors.New("oauth: the provider does not honour the grant")

// Redact is redact.Error for an error of a provider's code. It marks with ErrGrant the
// one refusal after which asking again is in vain.
func Redact(err error, secrets ...string) error {
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) && refusal.ErrorCode == "invalid_grant" {
		err = errors.Join(ErrGrant, err)
	}
	return redact.Error(err, secrets...)
}

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

	User  string `json:"u,omitempty"` // names who was signed in when it began
	Fresh bool   `json:"k,omitempty"` // and had proved of late who they are
	// Proves names the session whose person proves again who they are. Such a transaction
	// signs nobody in, and none that signs in proves anything to a session.
	Proves string `json:"w,omitempty"`

	// The answer comes by a cross-site POST, with no cookie but the transaction's:
	// so this one is SameSite=None and has to hold where the sign-in leads, a path
	// on this site or a URL.
	FormPost bool   `json:"p,omitempty"`
	Target   string `json:"t,omitempty"`
	Former   string `json:"f,omitempty"` // the session that the browser had when it began
	Browser  string `json:"r,omitempty"` // names the browser

	// ThirdParty says that another site started it (OpenID Connect Core §4): Target is
	// where it leads, and it adds no account to any user.
	ThirdParty bool `json:"h,omitempty"`

	// Again says that the answer came from another site and that this browser was
	// told to load it once more from this one.
	Again bool `json:"a,omitempty"`
}

// Begin starts a sign-in: it returns where to send the browser, and the
// transaction to keep until it comes back. extra has passed DisplayParams.
func (p *Provider) Begin(ctx context.Context, redirectURL string, extra url.Values, now time.Time) (authURL string, tx *Transaction, err error) {
	return p.start(ctx, redirectURL, extra, nil, now)
}

// BeginProof is Begin for a person who proves again who they are: an OpenID provider has
// to ask them, whatever session they have there (OpenID Connect Core §3.1.2.1), and
// Complete refuses an answer that does not show that it did. Any other service knows no
// such parameters, and one whose id_tokens have no auth_time could not show it.
func (p *Provider) BeginProof(ctx context.Context, redirectURL string, now time.Time) (authURL string, tx *Transaction, err error) {
	var asked url.Values
	if p.openID && !p.noTime {
		asked = url.Values{"prompt": {"login"}, "max_age": {"0"}}
	}
	return p.start(ctx, redirectURL, nil, asked, now)
}

// start is Begin with parameters that take precedence over the developer's.
func (p *Provider) start(ctx context.Context, redirectURL string, extra, asked url.Values, now time.Time) (authURL string, tx *Transaction, err error) {
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
	var maxAge *int64
	if p.reader == nil { // whose URL has all that binds its answer, in another protocol
		authURL, maxAge, err = p.complete(authURL, r, extra, asked)
	}
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

// complete sets on the provider's authorization URL what goth leaves out: the request's
// extra parameters, the developer's and those that are asked for, of which the later ones
// count, and last of all what nothing else may decide. It returns the max_age that the URL
// has in the end, whether the developer, the request or the provider set it.
func (p *Provider) complete(authURL string, r request, extra, asked url.Values) (complete string, maxAge *int64, err error) {
	u, err := url.Parse(authURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", nil, errors.New("oauth: the provider's authorization URL is not an http(s) URL")
	}
	q := u.Query()
	for _, set := range []url.Values{extra, p.params, asked} { // what the developer set, no query changes
		maps.Copy(q, set)
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
	ctx, notes := withNotes(ctx)
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
		return Identity{}, otherIssuer(issuer, named)
	}
	code := single(answer, "code")
	if p.reader == nil && !validCode(code) {
		return Identity{}, ErrCode
	}
	r := request{redirectURL: redirectURL, state: tx.State, nonce: tx.Nonce, verifier: tx.Verifier}
	if r.echoed, err = p.echo(answer); err != nil {
		return Identity{}, err
	}
	if p.reader != nil {
		id.Profile, err = p.reader.ReadAnswer(ctx, redirectURL, tx.State, answer)
	} else {
		id, err = p.engine.exchange(ctx, r, code, tx.Session)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return Identity{}, Redact(err, append(r.secrets(), code)...)
	}
	// One of several issuers answered: the tokens must be its own.
	if issuer != "" && sent && named != issuer && id.Profile.RawData["iss"] != named {
		return Identity{}, otherIssuer(named, fmt.Sprint(id.Profile.RawData["iss"]))
	}
	if id.Profile.UserID == "" {
		return Identity{}, ErrSubject
	}
	if err := tx.checkAuthTime(id, p.openID, now); err != nil {
		return Identity{}, err
	}
	id.Proved = p.authentication(id)
	id.Notes = notes.all()
	return id, nil
}

// otherIssuer is ErrIssuer with the issuer that was expected and the one that answered,
// which the browser may have written.
func otherIssuer(expected, named string) error {
	got := redact.URL(named)
	if named == "" {
		got = "missing"
	}
	return redact.Told(ErrIssuer, "%v: its iss is %s, expected %s", ErrIssuer, got, redact.URL(expected))
}

// echo takes from the provider's answer what its token endpoint wants to have
// back, in the bounds of a code.
func (p *Provider) echo(answer url.Values) (map[string]string, error) {
	echoed := map[string]string{}
	for _, name := range p.echoes {
		if value := single(answer, name); validCode(value) {
			echoed[name] = value
		} else if len(answer[name]) > 0 {
			return nil, ErrCode
		}
	}
	return echoed, nil
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

// Bytes writes the transaction. Strings and numbers always marshal.
func (tx *Transaction) Bytes() []byte {
	b, _ := json.Marshal(tx)
	return b
}
