package openid

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
