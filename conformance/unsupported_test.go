package conformance

const (
	noWebFinger    = "WebFinger: an application names its providers"
	noRegistration = "dynamic registration: an application is registered beforehand"
	noObjects      = "request objects"
	noHybrid       = "the hybrid and implicit flows, which RFC 9700 §2.1.2 advises against: the code flow has no `c_hash`"
	noFrontChannel = "front-channel logout: browsers that block third-party cookies send none to the frame"
)

// unsupported are the modules about what ginauth does not do, or does in another way.
func unsupported() []module {
	return []module{
		{name: prefix + "-discovery-webfinger-acct", expects: "find the issuer by WebFinger with an acct URI", rule: noWebFinger},
		{name: prefix + "-discovery-webfinger-url", expects: "find the issuer by WebFinger with a URL", rule: noWebFinger},
		{name: prefix + "-distributed-claims", expects: "fetch claims from the endpoint that userinfo names", rule: "distributed claims: no request goes to an address that userinfo chose"},
		{name: prefix + "-dynamic-registration", expects: "register at the registration endpoint", rule: noRegistration},
		{name: prefix + "-invalid-chash", expects: "refuse an id_token with another `c_hash`", rule: noHybrid},
		{name: prefix + "-missing-chash", expects: "refuse an id_token without `c_hash`", rule: noHybrid},
		{name: prefix + "-mtls-endpoint-aliases", expects: "use the mutual-TLS alias of the token endpoint", rule: "client authentication by mutual TLS"},
		{name: prefix + "-request-uri-signed-none", expects: "pass an unsigned request object by reference", rule: noObjects},
		{name: prefix + "-request-uri-signed-rs256", expects: "pass a signed request object by reference", rule: noObjects},
		{name: prefix + "-rp-frontchannel-opinitlogout", expects: "sign out in a frame when the provider does", rule: noFrontChannel},
		{name: prefix + "-rp-frontchannel-rpinitlogout", expects: "sign out in a frame after the site's own sign-out", rule: noFrontChannel},
		{name: prefix + "-session-management", expects: "poll the provider's session in a frame", rule: "session management: browsers that block third-party cookies send none to the frame"},
		{name: prefix + "-userinfo-bearer-body", expects: "send the access token in the body", rule: "the alternative to userinfo-bearer-header, which passes"},
	}
}
