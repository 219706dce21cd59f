package tests

import (
	"errors"
	"testing"

	"github.com/ginauth/ginauth"
)

// The stream of a user who is deleted ends, also where sessions cannot be ended: nothing
// else would look the user up while it is open.
func TestStream_EndsWithTheUser(t *testing.T) {
	t.Parallel()
	for _, revoking := range []bool{false, true} {
		adapter := ginauth.MemoryAdapter()
		opts := ginauth.Options{Adapter: adapter}
		if revoking {
			opts.Session.Revocations = ginauth.MemoryRevocations()
		}
		app, idp, ended := streaming(t, opts)
		b := app.browser(t)
		b.signIn(idp, "local")
		b.listen(t.Context())
		user, err := adapter.GetUserByEmail(t.Context(), b.user())
		if err != nil {
			t.Fatal(err)
		}
		if err := app.auth.DeleteUser(t.Context(), "somebody-else"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended with another user: %v", err)
		default:
		}
		if err := app.auth.DeleteUser(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		if err := wait(t, ended); !errors.Is(err, ginauth.ErrSessionEnded) {
			t.Errorf("revocations %v: the cause is %v", revoking, err)
		}
	}
}
