// Package linking decides which user an account belongs to. It knows the facts of one
// sign-in and nothing else: it asks no adapter, reads no cookie and changes nothing. The
// caller gathers the facts and carries the decision out.
//
// A person is identified by their account alone: by the provider and its identifier of
// them. An e-mail address does not identify anyone: at one provider anyone can write any
// address into their profile, at another an address changes hands. So a new account
// makes a new user, with two exceptions: somebody who is signed in here asked to add it,
// or the provider was explicitly trusted with addresses.
//
// Takeovers remember for a decision under way that the owner of an address has come.
package linking

import "github.com/ginauth/ginauth/internal/transaction"

// A Decision says what becomes of an account that somebody signed in with.
type Decision string

const (
	Use         Decision = "use"              // the account's own user signs in
	LinkCurrent Decision = "link to current"  // the account is added to the user who is signed in
	LinkHolder  Decision = "link by address"  // the account is added to the user who has its address
	Create      Decision = "create"           // the account gets a new user
	Link        Decision = "link credentials" // credentials become an account of the user whom they name
	Prove       Decision = "prove"            // as LinkCurrent, when they have proved again who they are
	Refuse      Decision = "refuse"           // nobody is signed in, and nothing is stored
)

// Facts are what is known of a sign-in at a provider. Users are named by their IDs.
type Facts struct {
	Owner   string // who has the account; empty: it is new
	Current string // who is signed in in this browser now; empty: nobody, or not known

	// Began is the transaction.UserMark of who was signed in when the sign-in began;
	// empty: nobody.
	Began string
	// Fresh says that the session in which it began had a proof of a moment ago of who its
	// person is. Without one it may be stolen, and who has it must not get a way in of their own.
	Fresh bool
	// FormPost says that the answer came by another site's POST. No session comes along
	// with it, so that Current is not known.
	FormPost bool
	// ThirdParty says that another site started the sign-in: nobody here asked to add an
	// account, and whose session at the provider answered is for that site to choose.
	ThirdParty bool

	Holder *Holder // who has the account's address; nil: nobody, or not looked up yet
}

// A Holder is the user who has the address that came with a new account. They get the
// account only if all four hold. Each has been a vulnerability somewhere: a provider
// that lets people choose their address, an address that anyone could write into a
// profile, a user made by somebody with an address that was not theirs, and a database
// that takes one address for another.
type Holder struct {
	Trusted     bool // the application trusts the provider with addresses
	Vouched     bool // the provider says that it verified the address
	Proved      bool // the user proved the address here
	SameAddress bool // the user's address is the account's, not merely similar
}

// Decide decides about an account at a provider. On Create, look up the Holder and
// decide again.
func (f Facts) Decide() Decision {
	mark := transaction.UserMark
	switch {
	case f.Owner != "" && f.Current != "" && f.Owner != f.Current:
		return Refuse // somebody who is signed in does not become another user
	case f.FormPost && f.Began != "" && f.Began != mark(f.Owner):
		return Refuse // it was begun to add an account, and who is signed in now is not known
	case f.Owner != "":
		return Use
	case f.Current != "" && f.Began != mark(f.Current):
		return Refuse // somebody else began it, in this browser or with this session
	case f.Current != "" && f.ThirdParty:
		return Refuse
	case f.Current != "" && !f.Fresh:
		return Prove
	case f.Current != "":
		return LinkCurrent
	case f.Holder == nil:
		return Create
	case f.ThirdParty:
		return Refuse
	case f.Holder.Trusted && f.Holder.Vouched && f.Holder.Proved && f.Holder.SameAddress:
		return LinkHolder
	}
	return Refuse
}

// Credentials are what is known of a user of the Adapter whom credentials named.
type Credentials struct {
	Linked   bool // the credentials are an account of the user
	OtherWay bool // the user can sign in in another way
}

// Decide decides about credentials. Beside another way to sign in, anyone who knew the
// user's address may have set the password.
func (c Credentials) Decide() Decision {
	switch {
	case c.Linked:
		return Use
	case c.OtherWay:
		return Refuse
	}
	return Link
}
