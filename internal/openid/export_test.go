package openid

// ParseKeyIssuers is for the fuzzer: through a whole sign-in it would see only
// key sets that go-oidc has read before.
var ParseKeyIssuers = parseKeyIssuers

// Explain explains a token that was refused, for the fuzzer: go-oidc lets few of its
// tokens come so far.
func Explain(raw string, err error) error {
	c := &Client{Issuer: "https://id.example", ClientID: "client"}
	return c.explained("id_token", raw, &Metadata{Issuer: c.Issuer, Algorithms: asymmetric(), keyIssuers: &keyIssuers{}}, err)
}
