package refusal

import (
	"fmt"
	"strings"

	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/redact"
)

// Advice says what to look at, and what to do.
type Advice struct {
	LookAt string // names of options and variables, with commas between
	Text   string // one sentence
}

// A Site is where this site's address comes from.
type Site struct {
	// Option is what says the address: BaseURL, or the variable's name. Empty: the
	// request's own headers do.
	Option string
	// Hosts are those that TrustedHosts lists. Empty, with no Option: this machine's
	// own, or any.
	Hosts []string
	// ByUnlistedProxy says that a proxy which is not in TrustedProxies forwarded the
	// request, so that its X-Forwarded headers were not read.
	ByUnlistedProxy bool
	// ByListedProxy says that a proxy which is in TrustedProxies sent the request, so that
	// its X-Forwarded headers were read.
	ByListedProxy bool
}

// OtherSecret is the advice where something was sealed with another secret.
var OtherSecret = Advice{"Secret, PreviousSecrets, Cookies.Prefix", "the secret was changed, or the processes behind this address have different ones: give all of them the same Secret (or variable NEXTAUTH_SECRET), and list a former one in PreviousSecrets; or another application on this host, at another port perhaps, has cookies of the same name: give one of the two a Cookies.Prefix"}

// unset names the option that says the site's address, where none does.
const unset = "BaseURL (or the variable NEXTAUTH_URL)"

// Address is the option with the site's address, as a sentence names it.
func (s Site) Address() string {
	if s.Option == "" {
		return unset
	}
	return s.Option
}

// OfOrigin is the advice for a request whose Origin, sent, is not the site's, own.
func (s Site) OfOrigin(sent, own string) Advice {
	same := origin.Compare(sent, own)
	switch {
	case sent == "":
		return Advice{"TrustedOrigins", "the browser says that a page of another site sent it; if that site is yours, list it in TrustedOrigins"}
	case sent == "null":
		return Advice{"Referrer-Policy", "browsers send the Origin null where the page has Referrer-Policy: no-referrer or stands in a sandboxed frame; serve the page of the form without them"}
	case s.Option != "" && same != origin.OtherSite:
		return Advice{s.Option, fmt.Sprintf("the two differ in the %s; if people open the site at %s, write that address into %s, else lead them to %s",
			same, redact.URL(sent), s.Option, own)}
	case s.Option != "":
		return Advice{s.Option + ", TrustedOrigins", fmt.Sprintf("if people open the site at %s, write that address into %s; if it is another site of yours whose pages send forms here, list it in TrustedOrigins; else somebody tried to sign people in or out from their own site",
			redact.URL(sent), s.Option)}
	case same == origin.OtherScheme && s.ByListedProxy:
		return Advice{"X-Forwarded-Proto, " + unset, fmt.Sprintf("the proxy ends TLS, and its X-Forwarded-Proto does not say so; have it send X-Forwarded-Proto: https (behind another proxy that ends TLS, it must pass that one's on), or write %s into %s", redact.URL(sent), unset)}
	case same == origin.OtherScheme:
		return Advice{"TrustedProxies, " + unset, fmt.Sprintf("a proxy in front of this process ends TLS; list its address in TrustedProxies, or write %s into %s", redact.URL(sent), unset)}
	}
	return Advice{unset + ", TrustedProxies, TrustedOrigins", fmt.Sprintf("if people open the site at %s, a proxy changes the Host header: write that address into %s; if it is another site of yours, list it in TrustedOrigins",
		redact.URL(sent), unset)}
}

// OfHost is the advice for a request to a host that the site does not answer for.
func (s Site) OfHost() Advice {
	a := Advice{unset + ", TrustedHosts", fmt.Sprintf("if people open the site at this host, write its address into %s, or the host into TrustedHosts", unset)}
	if len(s.Hosts) > 0 {
		a = Advice{"TrustedHosts, " + unset, "if people open the site at this host, add it to TrustedHosts; if it is the name of a container or an upstream, have the proxy pass the Host header on"}
	}
	if s.ByUnlistedProxy {
		a.LookAt += ", TrustedProxies"
		a.Text += "; a proxy forwarded this request, and its headers are read once its address is listed in TrustedProxies"
	}
	return a
}

// Expected are the hosts that the site answers for, in words.
func (s Site) Expected() Words {
	if len(s.Hosts) > 0 {
		return Words(strings.Join(s.Hosts, " "))
	}
	return "localhost and loopback addresses, since BaseURL is not set"
}

// OfCookie is the advice for a request without a cookie that was set. secure says that
// the cookie has the attribute Secure.
func (s Site) OfCookie(own string, secure bool) Advice {
	if secure {
		return Advice{s.Address(), fmt.Sprintf("the site's address is %s, so its cookies are Secure, and a browser that opened the site over http keeps none of them; if people use http, write that address, else redirect them to https; browsers that block cookies, and pages that another host serves, look the same", own)}
	}
	return Advice{s.Address(), fmt.Sprintf("the site's address is %s, and a page that was opened at another one, such as 127.0.0.1 in place of localhost, has other cookies; write the address that people use, or lead them to this one; browsers that block cookies look the same", own)}
}

// OfPlainHTTP is the advice for a site on https that is opened over http.
func (s Site) OfPlainHTTP(own string) Advice {
	return Advice{s.Address(), fmt.Sprintf("the site's address is %s; if people use http, write that address into %s; else redirect them to https, and if a proxy does have TLS, have it send X-Forwarded-Proto: https", own, s.Address())}
}

// OfPrefix is the advice for a request of which a proxy says that it took a prefix off
// the path, where the site, own, knows nothing of one. routes is the path of the auth
// routes, and trusts says that X-Forwarded-Prefix is believed of listed proxies.
func (s Site) OfPrefix(prefix, own, routes string, trusts bool) Advice {
	if trusts {
		return Advice{"TrustedProxies", "list the proxy's address in TrustedProxies, whose X-Forwarded-Prefix is believed"}
	}
	return Advice{"BasePath, Pages.TrustForwardedPrefix", fmt.Sprintf("if a proxy of yours takes it off, write %s%s%s in BaseURL and %s in BasePath; or set Pages.TrustForwardedPrefix, leave the path out of BaseURL, and list the proxy's address in TrustedProxies", own, prefix, routes, routes)}
}

// Hint says on a page, to a developer, where the site's address comes from.
func (s Site) Hint(own string) string {
	if s.Option == "" {
		return fmt.Sprintf("For developers: this site’s address is %s, as the request’s headers say. If the browser shows another one, set %s, or list the proxy in TrustedProxies. The log names both.", own, unset)
	}
	return fmt.Sprintf("For developers: this site’s address is %s, by %s. If the browser shows another one, change one of the two. The log names both.", own, s.Option)
}

// HostHint is the Hint where the host itself is refused.
func (s Site) HostHint() string {
	if len(s.Hosts) > 0 {
		return "For developers: add the host to TrustedHosts, or set " + unset + ". The log names it."
	}
	return "For developers: without an address of its own the site answers at localhost alone. Open it there, or set " + unset + " or TrustedHosts. The log names the host."
}

// Unsealed says why a session cookie does not open. whole reports that no part of it is
// missing.
func Unsealed(whole bool) (message string, advice Advice) {
	if !whole {
		return "a session cookie came without one of its parts",
			Advice{"Session.Store, Callbacks.JWT", "a browser or a proxy dropped a part of a session that is too large for it; put less into the token, or keep sessions in a Session.Store"}
	}
	return "a session cookie was not made with this site's secret", OtherSecret
}
