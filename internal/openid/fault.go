package openid

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/redact"
)

// maxFaultText is in bytes.
const maxFaultText = 300

// Fault says which step at the issuer failed. Libraries put whole answers into
// their errors, so the text is cut to 300 bytes and freed of control
// characters, and of a refused token request it holds only the status and the
// error code (RFC 6749 §5.2): the answer may repeat the code that was sent.
//
// The result wraps err, and ctx's own error where ctx has ended: go-oidc and
// x/oauth2 drop it on some paths.
func Fault(ctx context.Context, step string, err error) error {
	causes := []error{err}
	if ended := ctx.Err(); ended != nil {
		causes = append(causes, ended)
	}
	var told redact.Safe
	if errors.As(err, &told) { // which says the step itself
		return &fault{text: told.Error(), causes: causes}
	}
	return &fault{text: step + ": " + faultText(err), causes: causes}
}

func faultText(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := "no status"
		if refused.Response != nil {
			status = fmt.Sprintf("status %d", refused.Response.StatusCode)
		}
		if refused.ErrorCode == "" {
			return status
		}
		return fmt.Sprintf("%s, error %.64q", status, refused.ErrorCode)
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxFaultText {
		text = strings.ToValidUTF8(text[:maxFaultText], "") + "…"
	}
	return text
}

type fault struct {
	text   string
	causes []error
}

func (f *fault) Error() string   { return f.text }
func (f *fault) Unwrap() []error { return f.causes }
