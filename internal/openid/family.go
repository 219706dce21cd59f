package openid

import "context"

// A Family is many issuers behind one discovery document and one key set: a
// service whose tenants are issuers of their own. The document then names no
// issuer that a token can have, so both are judged here. No function may be nil:
// without one any issuer would do.
type Family struct {
	// Document judges the issuer that the discovery document names.
	Document func(issuer string) error
	// Token judges the claims of a token, its iss above all, by the issuer of the
	// document that Document let pass, and by that of the key that signed it, empty
	// where the key set does not say. The token's signature and audience have been
	// checked.
	Token func(document, key string, claims map[string]any) error
}

// checkFamily has the Family, where there is one, judge a token whose signature
// and audience have been checked. claims decodes the token's.
func (c *Client) checkFamily(ctx context.Context, m *Metadata, raw string, claims func(v any) error) error {
	if c.Family == nil {
		return nil
	}
	var named map[string]any
	if err := claims(&named); err != nil {
		return err
	}
	key, err := m.keyIssuers.of(ctx, raw, asymmetric())
	if err != nil {
		return err
	}
	return c.Family.Token(m.Issuer, key, named)
}
