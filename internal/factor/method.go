package factor

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// methods are the ways in which people prove who they are, as the claim and the URLs of
// pages name them.
var methods = []string{"provider", "password", "mail", "otp", "recovery", "passkey"}

// known reports whether there is such a method.
func known[M ~string](method M) bool { return slices.Contains(methods, string(method)) }

// Except are all methods except one.
func Except[M ~string](one M) (others []M) {
	for _, method := range methods {
		if M(method) != one {
			others = append(others, M(method))
		}
	}
	return others
}

// Wants reports whether a method is one of the wanted ones; with none, each is.
func Wants[M ~string](wanted []M, method M) bool {
	return len(wanted) == 0 || slices.Contains(wanted, method)
}

// Join writes methods as a URL has them, and Split reads them: each method once, and
// nothing else.
func Join[M ~string](wanted []M) string {
	names := make([]string, len(wanted))
	for i, method := range wanted {
		names[i] = string(method)
	}
	return strings.Join(names, " ")
}

// Split reads what Join wrote.
func Split[M ~string](text string) (wanted []M) {
	for _, name := range strings.Fields(text) {
		if method := M(name); known(method) && !slices.Contains(wanted, method) {
			wanted = append(wanted, method)
		}
	}
	return wanted
}

// CheckGuard finds what is wrong with the arguments of RequireFactor.
func CheckGuard[M ~string](within time.Duration, wanted []M) error {
	switch {
	case within < 0:
		return fmt.Errorf("ginauth: RequireFactor got %v; write how long ago the proof may have been given, such as 5*time.Minute, or 0 for in this session", within)
	case within == 0 && len(wanted) == 0:
		return errors.New("ginauth: RequireFactor(0) names no method, so that it would ask for nothing; write a time, such as 5*time.Minute, or a method, such as ginauth.FactorOTP")
	}
	for _, method := range wanted {
		if !known(method) {
			return fmt.Errorf("ginauth: RequireFactor got the method %.32q, which is none; write one of the constants, such as ginauth.FactorOTP", string(method))
		}
	}
	return nil
}

// Challenge is what WWW-Authenticate says where a proof is missing that was given at most
// so long ago (RFC 9470 §3).
func Challenge(within time.Duration) string {
	challenge := `Bearer error="insufficient_user_authentication"`
	if within > 0 {
		challenge += `, max_age="` + strconv.FormatInt(int64(within/time.Second), 10) + `"`
	}
	return challenge
}

// Stated are the proofs that an application states when it calls SignIn: given now, to
// no provider.
func Stated[M ~string](stated []M, now time.Time) (proofs []Proof, err error) {
	for _, method := range stated {
		if !known(method) {
			return nil, fmt.Errorf("ginauth: SignIn got the factor %.32q, which is none; write one of the constants, such as ginauth.FactorPassword", string(method))
		}
		proofs = Add(proofs, Proof{Method: string(method), At: now})
	}
	return proofs, nil
}

// At reports whether one of the proofs was given by this method to this provider.
func At(proofs []Proof, method, provider string) bool {
	return slices.ContainsFunc(proofs, func(p Proof) bool { return p.Method == method && p.Provider == provider })
}

// Account compares the account of proofs that were given to a provider with another one
// there: same reports that one of them is of that account, and other that one is not.
func Account(proofs []Proof, provider, account string) (same, other bool) {
	for _, p := range proofs {
		if p.Provider == provider {
			same = same || p.Account == account
			other = other || p.Account != account
		}
	}
	return same, other
}

// Second reports whether one of the proofs is a second factor. The other methods are
// first ones.
func Second(proofs []Proof) bool {
	return slices.ContainsFunc(proofs, func(p Proof) bool { return p.Method == "otp" || p.Method == "recovery" || p.Method == "passkey" })
}
