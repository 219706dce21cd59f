package linking_test

import (
	"testing"

	"github.com/ginauth/ginauth/internal/linking"
	"github.com/ginauth/ginauth/internal/transaction"
)

// by is who was signed in when the sign-in began.
func by(user string) string { return transaction.UserMark(user) }

func TestDecide(t *testing.T) {
	t.Parallel()
	all := linking.Holder{Trusted: true, Vouched: true, Proved: true, SameAddress: true}
	for _, row := range []struct {
		name  string
		facts linking.Facts
		want  linking.Decision
	}{
		// Nobody is signed in.
		{"Ada signs in with her account", linking.Facts{Owner: "ada"}, linking.Use},
		{"somebody new signs in", linking.Facts{}, linking.Create},
		{"Ada signed out while she signed in with her account", linking.Facts{Owner: "ada", Began: by("ada")}, linking.Use},
		{"Ada signed out while Bob signed in with his account", linking.Facts{Owner: "bob", Began: by("ada")}, linking.Use},
		{"Ada signed out while she added an account: it is a new person's", linking.Facts{Began: by("ada")}, linking.Create},

		// Somebody is signed in.
		{"Ada signs in again with her account", linking.Facts{Owner: "ada", Current: "ada", Began: by("ada"), Fresh: true}, linking.Use},
		{"Ada signs in with her account, and did so in another tab meanwhile", linking.Facts{Owner: "ada", Current: "ada"}, linking.Use},
		{"Ada adds a new account", linking.Facts{Current: "ada", Began: by("ada"), Fresh: true}, linking.LinkCurrent},
		{"Ada adds Bob's account", linking.Facts{Owner: "bob", Current: "ada", Began: by("ada"), Fresh: true}, linking.Refuse},
		{"Bob's sign-in ends where Ada has signed in meanwhile", linking.Facts{Owner: "bob", Current: "ada", Began: by("bob"), Fresh: true}, linking.Refuse},
		{"a new account comes, and Ada signed in meanwhile", linking.Facts{Current: "ada"}, linking.Refuse},
		{"Bob began to add an account, and Ada took over the browser", linking.Facts{Current: "ada", Began: by("bob"), Fresh: true}, linking.Refuse},

		// Ada is signed in, and has not proved of late who she is: the session may be stolen.
		{"an old session: a new account comes", linking.Facts{Current: "ada", Began: by("ada")}, linking.Prove},
		{"an old session: a new account comes, whatever the address", linking.Facts{Current: "ada", Began: by("ada"), Holder: &all}, linking.Prove},
		{"an old session: Ada signs in again with her account", linking.Facts{Owner: "ada", Current: "ada", Began: by("ada")}, linking.Use},
		{"an old session: Bob's account comes", linking.Facts{Owner: "bob", Current: "ada", Began: by("ada")}, linking.Refuse},
		{"an old session: Bob began to add an account", linking.Facts{Current: "ada", Began: by("bob")}, linking.Refuse},
		{"an old session: another site started it", linking.Facts{ThirdParty: true, Current: "ada", Began: by("ada")}, linking.Refuse},
		{"a session that ended was old: it is a new person's", linking.Facts{Began: by("ada")}, linking.Create},

		// The answer comes by POST: who is signed in is not known.
		{"by POST: Ada signs in with her account", linking.Facts{FormPost: true, Owner: "ada"}, linking.Use},
		{"by POST: somebody new signs in", linking.Facts{FormPost: true}, linking.Create},
		{"by POST: Ada was signed in, and signs in with her account", linking.Facts{FormPost: true, Owner: "ada", Began: by("ada")}, linking.Use},
		{"by POST: Ada was signed in, and Bob's account comes", linking.Facts{FormPost: true, Owner: "bob", Began: by("ada")}, linking.Refuse},
		{"by POST: Ada was signed in, and a new account comes", linking.Facts{FormPost: true, Began: by("ada"), Fresh: true}, linking.Refuse},

		// Another site started the sign-in.
		{"started elsewhere: Ada signs in with her account", linking.Facts{ThirdParty: true, Owner: "ada"}, linking.Use},
		{"started elsewhere: Ada is signed in, and her account comes", linking.Facts{ThirdParty: true, Owner: "ada", Current: "ada"}, linking.Use},
		{"started elsewhere: Ada is signed in, and Bob's account comes", linking.Facts{ThirdParty: true, Owner: "bob", Current: "ada"}, linking.Refuse},
		{"started elsewhere: somebody new signs in", linking.Facts{ThirdParty: true}, linking.Create},
		{"started elsewhere: Ada is signed in, and a new account comes", linking.Facts{ThirdParty: true, Current: "ada"}, linking.Refuse},
		{"started elsewhere: even by the person who began it", linking.Facts{ThirdParty: true, Current: "ada", Began: by("ada"), Fresh: true}, linking.Refuse},
		{"started elsewhere: whatever the address", linking.Facts{ThirdParty: true, Holder: &all}, linking.Refuse},

		// The new account has the address of a user.
		{"a trusted provider vouches for the address that Ada proved", linking.Facts{Holder: &all}, linking.LinkHolder},
		{"the provider is not trusted with addresses", linking.Facts{Holder: &linking.Holder{Vouched: true, Proved: true, SameAddress: true}}, linking.Refuse},
		{"the provider does not vouch for the address", linking.Facts{Holder: &linking.Holder{Trusted: true, Proved: true, SameAddress: true}}, linking.Refuse},
		{"Ada never proved the address", linking.Facts{Holder: &linking.Holder{Trusted: true, Vouched: true, SameAddress: true}}, linking.Refuse},
		{"the database found a similar address", linking.Facts{Holder: &linking.Holder{Trusted: true, Vouched: true, Proved: true}}, linking.Refuse},
		{"the account's own user comes before the address", linking.Facts{Owner: "ada", Holder: &all}, linking.Use},
		{"who is signed in comes before the address", linking.Facts{Current: "ada", Began: by("ada"), Fresh: true, Holder: &all}, linking.LinkCurrent},
		{"Ada took over the browser, whatever the address", linking.Facts{Current: "ada", Began: by("bob"), Fresh: true, Holder: &all}, linking.Refuse},
		{"by POST: Ada was signed in, whatever the address", linking.Facts{FormPost: true, Began: by("ada"), Holder: &all}, linking.Refuse},
	} {
		if got := row.facts.Decide(); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestDecideCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		facts linking.Credentials
		want  linking.Decision
	}{
		{"Ada has just registered with a password", linking.Credentials{}, linking.Link},
		{"Ada's password is an account of hers", linking.Credentials{Linked: true}, linking.Use},
		{"Ada's password is one of her accounts", linking.Credentials{Linked: true, OtherWay: true}, linking.Use},
		{"somebody set a password beside Ada's other account", linking.Credentials{OtherWay: true}, linking.Refuse},
	} {
		if got := row.facts.Decide(); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
