package openid

import (
	"fmt"

	"github.com/ginauth/ginauth/internal/ascii"
)

// CheckTokenType refuses an access token that is no bearer token: an OpenID
// provider answers with Bearer unless another type was agreed upon, which this
// client never does (OpenID Connect Core §3.1.3.3), and a token whose type a client
// does not understand must not be used (RFC 6749 §7.1). Upper and lower case are
// the same; no type is none, since the member is required (RFC 6749 §5.1).
func CheckTokenType(tokenType string) error {
	if ascii.EqualFold(tokenType, "Bearer") {
		return nil
	}
	return fmt.Errorf("openid: token answer: its token_type is %.32q and not Bearer", tokenType)
}
