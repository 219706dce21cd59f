package origin

import "strings"

// A Difference is what tells two origins apart, in a word for a sentence.
type Difference string

const (
	OtherScheme Difference = "scheme"
	OtherWWW    Difference = "www in front of the host"
	OtherPort   Difference = "port"
	OtherName   Difference = "host: both are this machine's"
	OtherSite   Difference = "host"
	NoOther     Difference = ""
)

// Compare tells in what an Origin header differs from an origin. Of several differences
// it is the one that says most about the cause: the scheme, where a proxy ends TLS.
func Compare(sent, own string) Difference {
	a, errA := Read(sent)
	b, errB := Read(own)
	if errA != nil || errB != nil || a.Rest != "" {
		return OtherSite
	}
	nameA, portA, _ := splitPort(a.Host) // Read has split them before
	nameB, portB, _ := splitPort(b.Host)
	switch {
	case nameA == nameB && a.Scheme != b.Scheme:
		return OtherScheme
	case nameA == nameB && portA != portB:
		return OtherPort
	case nameA == nameB:
		return NoOther
	case strings.TrimPrefix(nameA, "www.") == strings.TrimPrefix(nameB, "www."):
		return OtherWWW
	case loopback(nameA) && loopback(nameB):
		return OtherName
	}
	return OtherSite
}
