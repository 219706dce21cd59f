package ginauth

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/transaction"
)

// A FactorMethod is a way in which people prove who they are.
type FactorMethod string

// The methods of factors.
const (
	FactorProvider FactorMethod = "provider" // a round trip to an OAuth provider
	FactorPassword FactorMethod = "password" // what Credentials check
	FactorMail     FactorMethod = "mail"     // a link or code in a mail to their address
	FactorOTP      FactorMethod = "otp"      // a one time password of an authenticator app (RFC 6238)
	FactorRecovery FactorMethod = "recovery" // one of the codes that stand in for a lost device
	FactorPasskey  FactorMethod = "passkey"  // a WebAuthn credential
)

var factorMethods = []FactorMethod{FactorProvider, FactorPassword, FactorMail, FactorOTP, FactorRecovery, FactorPasskey}

// A Factor is one proof of who somebody is. A session has at most one of each method, the
// latest.
type Factor struct {
	Method FactorMethod
	// At is when it was given, in whole seconds. Of a provider whose verified id_token has
	// an auth_time it is that time (OpenID Connect Core §2), and not when the person came
	// back from there.
	At time.Time
}

// FactorOptions say who proves twice who they are.
type FactorOptions struct {
	// OTP lets people enrol one time passwords, and asks those who have for one at each
	// sign-in. It needs an Adapter that is a FactorStore. Default: false.
	OTP bool
	// Required names people who must give a second factor, and enrol one at their next
	// sign-in if they have none. Default: none, those who have enrolled give theirs.
	Required func(c *gin.Context, user User) bool
	// TrustDevice is for how long a browser in which somebody gave their second factor is
	// not asked for it again, such as 30*24*time.Hour. Default: 0, it is asked each time.
	TrustDevice time.Duration
}

// ErrFactorRequired says that somebody must give a second factor before they are signed
// in.
var ErrFactorRequired = errors.New("ginauth: a second factor is required")

// proof is a factor that somebody gives now to the provider of this request, with the
// account that they have there.
func (v *request) proof(method FactorMethod, accountID string) factor.Proof {
	return factor.Proof{Method: string(method), At: v.auth.opts.Now(), Provider: v.provider.id, Account: transaction.UserMark(accountID)}
}

// statedProofs are the factors of a session that the application begins.
func (v *request) statedProofs(methods []FactorMethod) (proofs []factor.Proof, err error) {
	for _, method := range methods {
		if !slices.Contains(factorMethods, method) {
			return nil, fmt.Errorf("ginauth: SignIn got the factor %.32q, which is none; write one of the constants, such as ginauth.FactorPassword", string(method))
		}
		proofs = factor.Add(proofs, factor.Proof{Method: string(method), At: v.auth.opts.Now()})
	}
	return proofs, nil
}

// proofs are those that a session's token holds; none where another program made them.
func (a *Auth) proofs(t *Token) []factor.Proof {
	proofs, _ := factor.Read(a.keys.factors, t.Subject, t.sid, t.factors)
	return proofs
}

// factorsOf are the factors of a session.
func (a *Auth) factorsOf(t *Token) []Factor {
	proofs := a.proofs(t)
	factors := make([]Factor, len(proofs))
	for i, p := range proofs {
		factors[i] = Factor{FactorMethod(p.Method), p.At}
	}
	return factors
}

// addFactor writes a factor into a session's token, in place of an older one of the same
// method.
func (a *Auth) addFactor(t *Token, p factor.Proof) {
	t.factors = factor.Claim(a.keys.factors, t.Subject, t.sid, factor.Add(a.proofs(t), p))
}

// renewFactors gives factors that a previous secret vouches for the MAC of the current
// one, and takes those away that none vouches for.
func (a *Auth) renewFactors(t *Token) {
	if t.factors == "" {
		return
	}
	if proofs, current := factor.Read(a.keys.factors, t.Subject, t.sid, t.factors); !current {
		t.factors = factor.Claim(a.keys.factors, t.Subject, t.sid, proofs)
	}
}
