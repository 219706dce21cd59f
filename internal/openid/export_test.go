package openid

// ParseKeyIssuers is for the fuzzer: through a whole sign-in it would see only
// key sets that go-oidc has read before.
var ParseKeyIssuers = parseKeyIssuers
