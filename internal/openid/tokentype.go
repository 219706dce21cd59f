package openid

import (
	"fmt"

	"github.com/ginauth/ginauth/internal/ascii"
)

// CheckTokenType refuses an access token whose type is not Bearer. An OpenID
// provider answers with Bearer unless another type was agreed upon, which this
// client never does (OpenID Connect Core §3.1.3.3). A client must not use a token
// whose type it does not understand (RFC 6749 §7.1). The comparison ignores the case
// of letters. An empty type is refused too: the member is required (RFC 6749 §5.1).
func CheckTokenType(tokenType string) error {
	if ascii.EqualFold(tokenType, "Bearer") {
		return nil
	}
	return fmt.Errorf("openid: token answer: its token_type is %.32q and not Bearer", tokenType)
}
