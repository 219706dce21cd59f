package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Who somebody is who comes with an account, by what is known of the account, who is
// signed in, and the address.
func TestLinking(t *testing.T) {
	t.Parallel()
	type account struct{ provider, subject string }
	for _, row := range []struct {
		name     string
		users    []account // who has signed in before, each from a browser of their own
		current  *account  // who is signed in here
		unproved bool      // the first user's address
		comes    account
		code     string // of the refusal
		as       int    // which of the users they then are; -1: a new one
		events   []string
	}{
		{
			name: "known, nobody signed in", users: []account{{"first", "ada"}}, comes: account{"first", "ada"},
			events: []string{"jwt signIn", "signIn Ada"},
		},
		{
			name: "known, signed in as the same", users: []account{{"first", "ada"}}, current: &account{"first", "ada"}, comes: account{"first", "ada"},
			events: []string{"jwt signIn", "signIn Ada"},
		},
		{
			name: "known, signed in as another", users: []account{{"first", "ada"}, {"first", "grace"}}, current: &account{"first", "ada"},
			comes: account{"first", "grace"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new, signed in", users: []account{{"first", "ada"}}, current: &account{"first", "ada"}, comes: account{"second", "grace"},
			events: []string{"linkAccount Ada second/grace", "jwt signIn", "signIn Ada"},
		},
		{
			name: "new and of the same address, signed in", users: []account{{"first", "ada"}}, current: &account{"first", "ada"}, comes: account{"second", "eve"},
			events: []string{"linkAccount Ada second/eve", "jwt signIn", "signIn Ada"},
		},
		{
			name: "new with another's address, signed in", users: []account{{"first", "ada"}, {"first", "grace"}}, current: &account{"first", "grace"},
			comes: account{"second", "adas-other"}, as: 1, events: []string{"linkAccount Grace second/adas-other", "jwt signIn", "signIn Grace"},
		},
		{
			name: "new, a user has the address", users: []account{{"first", "ada"}}, comes: account{"second", "ada"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new, a user has the address in other case", users: []account{{"first", "ada"}}, comes: account{"second", "eve"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new, a user has the address, both proved, trusted", users: []account{{"first", "ada"}}, comes: account{"trusted", "adas-other"},
			events: []string{"linkAccount Ada trusted/adas-other", "jwt signIn", "signIn Ada"},
		},
		{
			name: "new, a user has the address, theirs proved, trusted", users: []account{{"first", "ada"}}, comes: account{"trusted", "eve"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new, a user has the address unproved, trusted", users: []account{{"first", "ada"}}, unproved: true, comes: account{"trusted", "ada"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new, a user of an account without proof has the address, trusted", users: []account{{"first", "eve"}}, comes: account{"trusted", "ada"}, code: "OAuthAccountNotLinked",
		},
		{
			name: "new", users: []account{{"first", "ada"}}, comes: account{"first", "grace"}, as: -1,
			events: []string{"createUser Grace", "linkAccount Grace first/grace", "jwt signUp new", "signIn Grace new"},
		},
		{
			name: "new, without an address", comes: account{"first", "nemo"}, as: -1,
			events: []string{"createUser Nemo", "linkAccount Nemo first/nemo", "jwt signUp new", "signIn Nemo new"},
		},
		{
			name: "the same without an address elsewhere", users: []account{{"first", "nemo"}}, comes: account{"second", "nemo"}, as: -1,
			events: []string{"createUser Nemo", "linkAccount Nemo second/nemo", "jwt signUp new", "signIn Nemo new"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newUserApp(t, ginauth.Options{Pages: ginauth.Pages{NewUser: "/welcome?a=1"}})
			var ids []string
			for _, user := range row.users {
				ids = append(ids, a.joined(t, user.provider, user.subject))
			}
			if row.unproved {
				a.prove(t, ids[0], func(u *ginauth.User) { u.EmailVerified = time.Time{} })
			}
			b := a.browser(t)
			if row.current != nil {
				b.signInAt(a.idp, row.current.provider, row.current.subject)
			}
			signedIn := b.id()
			owner := a.owner(t, row.comes.provider, row.comes.subject)
			a.heard()
			res := b.signInAt(a.idp, row.comes.provider, row.comes.subject)
			if got := a.heard(); !reflect.DeepEqual(got, row.events) {
				t.Errorf("the application heard %q, want %q", got, row.events)
			}
			if row.code != "" {
				res.refused(t, row.code)
				if got := b.id(); got != signedIn {
					t.Errorf("who was signed in as %q is now %q", signedIn, got)
				}
				if got := a.owner(t, row.comes.provider, row.comes.subject); got != owner {
					t.Errorf("the account has gone from %q to %q", owner, got)
				}
				return
			}
			id, target := b.id(), a.URL+"/after"
			if row.as < 0 {
				target = "/welcome?a=1&callbackUrl=" + strings.ReplaceAll(strings.ReplaceAll(target, ":", "%3A"), "/", "%2F")
				if id == "" || slices.Contains(ids, id) {
					t.Errorf("signed in as %q, want somebody new", id)
				}
			} else if id != ids[row.as] {
				t.Errorf("signed in as %q, want %q", id, ids[row.as])
			}
			if got := res.Header.Get("Location"); got != target {
				t.Errorf("leads to %s, want %s", got, target)
			}
			if again := a.browser(t); true { // the account is enough from now on
				again.signInAt(a.idp, row.comes.provider, row.comes.subject)
				if got := again.id(); got != id {
					t.Errorf("later the account signs in as %q, want %q", got, id)
				}
			}
		})
	}
}

// What is stored is what the provider vouches for, and what the SignIn callback made
// of it.
func TestLinking_NewUser(t *testing.T) {
	t.Parallel()
	started := time.Now()
	for subject, want := range map[string]ginauth.User{
		"ada":  {Name: "Ada", Email: "ada@example.com", EmailVerified: started},
		"eve":  {Name: "Eve", Email: "ada@example.com"},
		"nemo": {Name: "Nemo"},
		// The provider vouches for another address than the one that is stored.
		"grace": {Name: "Renamed", Email: "boss@example.com"},
	} {
		a := newUserApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			if p.User.Name == "Grace" {
				p.User.ID, p.User.Name, p.User.Email = "somebody-else", "Renamed", "boss@example.com"
			}
			return nil
		}}})
		b := a.browser(t)
		if res := b.signInAt(a.idp, "trusted", subject); !res.signedIn() {
			t.Fatalf("%s: %s\n%s", subject, res.Header.Get("Location"), a.log)
		}
		got, err := a.adapter.GetUser(t.Context(), b.id())
		if err != nil {
			t.Fatal(err)
		}
		if got.ID == "somebody-else" || got.Name != want.Name || got.Email != want.Email ||
			got.EmailVerified.IsZero() != want.EmailVerified.IsZero() || got.EmailVerified.Before(want.EmailVerified) || got.EmailVerified.After(time.Now()) {
			t.Errorf("%s is stored as %+v, want %+v", subject, got, want)
		}
	}
}

// The SignIn callback decides before anything is stored, and is told of the
// adapter's user where there is one.
func TestLinking_SignInCallback(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []ginauth.User
	refuse := true
	a := newUserApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, *p.User)
		if refuse {
			return ginauth.ErrAccessDenied
		}
		p.User.ID = "somebody-else"
		return nil
	}}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada").refused(t, "AccessDenied")
	if id := a.owner(t, "first", "ada"); id != "" || len(a.heard()) != 0 {
		t.Errorf("somebody who was refused is stored as %q", id)
	}
	refuse = false
	id := a.joined(t, "first", "ada")
	a.prove(t, id, func(u *ginauth.User) { u.Name = "Countess" })
	b.signInAt(a.idp, "first", "ada")
	if got := b.id(); got != id {
		t.Errorf("a callback made %q of %q", got, id)
	}
	if seen[0].ID != "ada" || seen[1].ID != "ada" || seen[2].ID != id || seen[2].Name != "Countess" {
		t.Errorf("the callback saw %+v", seen)
	}
}

// Thirty browsers finish the first sign-in of one person at once: they are one user
// with one account.
func TestLinking_AtOnce(t *testing.T) {
	t.Parallel()
	a := newUserApp(t, ginauth.Options{})
	const n = 30
	begin := make(chan struct{})
	browsers, codes := make([]*browser, n), make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		b := a.browser(t)
		browsers[i] = b
		callback := as(t, a.idp, b.begin("first", "/"), "ada").String()
		wg.Go(func() {
			<-begin
			res, err := b.Get(callback)
			if err != nil {
				codes[i] = err.Error()
				return
			}
			_ = res.Body.Close()
			codes[i] = res.Header.Get("Location")
		})
	}
	close(begin)
	wg.Wait()
	owner := a.owner(t, "first", "ada")
	for i, b := range browsers {
		if got := b.id(); got != owner || got == "" {
			t.Errorf("browser %d is %q (%s), want %q", i, got, codes[i], owner)
		}
	}
	created, linked := 0, 0
	for _, event := range a.heard() {
		if strings.HasPrefix(event, "createUser") {
			created++
		}
		if strings.HasPrefix(event, "linkAccount") {
			linked++
		}
	}
	if created != 1 || linked != 1 {
		t.Errorf("%d users were created and %d accounts linked", created, linked)
	}
	if got := a.accounts(t, owner); len(got) != 1 {
		t.Errorf("they have the accounts %v", got)
	}
}

// troubled is an Adapter that fails where a test says so.
type troubled struct {
	ginauth.Adapter
	mu   sync.Mutex
	fail map[string]func() error
}

func (d *troubled) set(method string, f func() error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = map[string]func() error{method: f}
}

func (d *troubled) trouble(method string) error {
	d.mu.Lock()
	f := d.fail[method]
	d.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

func (d *troubled) CreateUser(ctx context.Context, user ginauth.User, a *ginauth.Account) (ginauth.User, error) {
	if err := d.trouble("CreateUser"); err != nil {
		return ginauth.User{}, err
	}
	return d.Adapter.CreateUser(ctx, user, a)
}

func (d *troubled) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	if err := d.trouble("GetUser"); err != nil {
		return ginauth.User{}, err
	}
	return d.Adapter.GetUser(ctx, id)
}

func (d *troubled) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	if err := d.trouble("GetUserByEmail"); err != nil {
		return ginauth.User{}, err
	}
	return d.Adapter.GetUserByEmail(ctx, email)
}

func (d *troubled) GetUserByAccount(ctx context.Context, provider, id string) (ginauth.User, error) {
	if err := d.trouble("GetUserByAccount"); err != nil {
		return ginauth.User{}, err
	}
	if err := d.trouble("GetUserByAccount answers nobody"); err != nil {
		return ginauth.User{}, nil
	}
	return d.Adapter.GetUserByAccount(ctx, provider, id)
}

func (d *troubled) LinkAccount(ctx context.Context, id string, a ginauth.Account) error {
	if err := d.trouble("LinkAccount"); err != nil {
		return err
	}
	return d.Adapter.LinkAccount(ctx, id, a)
}

func (d *troubled) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	if err := d.trouble("UpdateUser"); err != nil {
		return ginauth.User{}, err
	}
	return d.Adapter.UpdateUser(ctx, user)
}

func (d *troubled) UnlinkAccount(ctx context.Context, id, provider, account string, evenLast bool) error {
	if err := d.trouble("UnlinkAccount"); err != nil {
		return err
	}
	return d.Adapter.UnlinkAccount(ctx, id, provider, account, evenLast)
}

func (d *troubled) ListAccounts(ctx context.Context, id string) ([]ginauth.Account, error) {
	if err := d.trouble("ListAccounts"); err != nil {
		return nil, err
	}
	return d.Adapter.ListAccounts(ctx, id)
}

// A database that fails ends the sign-in. The person who was signed in stays signed in,
// and nothing is half made.
func TestLinking_Trouble(t *testing.T) {
	t.Parallel()
	failing := func(err error) func() error { return func() error { return err } }
	down := failing(errors.New("dial tcp 10.0.0.7: connection refused, password=hunter2"))
	for _, row := range []struct {
		method   string
		f        func() error
		current  bool // somebody is signed in
		code     string
		log      string
		provider string
		subject  string
	}{
		{method: "GetUserByAccount", f: down, code: "Callback", log: "connection refused"},
		{method: "GetUserByAccount", f: func() error { panic("nil map") }, code: "Callback", log: "panicked"},
		{method: "GetUserByAccount answers nobody", f: down, code: "Callback", log: "without ID"},
		{method: "GetUserByEmail", f: down, code: "Callback", log: "connection refused"},
		{method: "GetUser", f: down, current: true, code: "Callback", log: "connection refused"},
		{method: "CreateUser", f: down, code: "OAuthCreateAccount", log: "connection refused"},
		{method: "CreateUser", f: failing(ginauth.ErrNotFound), code: "OAuthCreateAccount", log: "not found"},
		{method: "CreateUser", f: failing(fmt.Errorf("row: %w", ginauth.ErrExists)), code: "OAuthCreateAccount", log: "does not find them"},
		{method: "LinkAccount", f: down, current: true, code: "Callback", log: "connection refused"},
		{method: "LinkAccount", f: failing(ginauth.ErrNotFound), current: true, code: "Callback", log: "not found"},
		{method: "LinkAccount", f: failing(ginauth.ErrExists), current: true, code: "Callback", log: "not found"},
	} {
		t.Run(row.method+"/"+row.log, func(t *testing.T) {
			t.Parallel()
			d := &troubled{Adapter: ginauth.MemoryAdapter()}
			a := newUserApp(t, ginauth.Options{Adapter: d})
			b := a.browser(t)
			signedIn := ""
			if row.current {
				b.signInAt(a.idp, "first", "ada")
				signedIn = b.id()
			}
			a.heard()
			d.set(row.method, row.f)
			b.signInAt(a.idp, "second", "grace").refused(t, row.code)
			d.set("", nil)
			if got := a.heard(); got != nil {
				t.Errorf("the application heard %q", got)
			}
			if got := a.log.String(); !strings.Contains(got, row.log) || strings.Contains(got, "hunter2") {
				t.Errorf("the log lacks %q, or has a password: %s", row.log, got)
			}
			if got := b.id(); got != signedIn {
				t.Errorf("who was signed in as %q is now %q", signedIn, got)
			}
			if got := a.owner(t, "second", "grace"); got != "" {
				t.Errorf("the account is %q's", got)
			}
			if _, err := a.adapter.GetUserByEmail(t.Context(), "grace@example.com"); !errors.Is(err, ginauth.ErrNotFound) {
				t.Errorf("there is half a user: %v", err)
			}
			if res := b.signInAt(a.idp, "second", "grace"); !res.signedIn() {
				t.Errorf("later it leads to %s", res.Header.Get("Location"))
			}
		})
	}
}

// An account that somebody else links in the very moment stays theirs.
func TestLinking_Overtaken(t *testing.T) {
	t.Parallel()
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d})
	other := a.joined(t, "first", "grace")
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	id := b.id()
	d.set("LinkAccount", func() error {
		if err := d.Adapter.LinkAccount(t.Context(), other, ginauth.Account{Provider: "second", ProviderAccountID: "nemo"}); err != nil {
			return err
		}
		return ginauth.ErrExists
	})
	b.signInAt(a.idp, "second", "nemo").refused(t, "OAuthAccountNotLinked")
	if got := a.owner(t, "second", "nemo"); got != other || b.id() != id {
		t.Errorf("the account is %q's and the browser %q", got, b.id())
	}
	if res := b.get("/api/auth/error?error=OAuthAccountNotLinked"); res.StatusCode != http.StatusFound {
		t.Errorf("the page: %d", res.StatusCode)
	}
}

// A session that has ended belongs to nobody: a person who comes with its cookie signs in
// like anybody else, also at a provider that answers by POST.
func TestLinking_DeadSession(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(a *userApp, b *browser, id string) error{
		"revoked": func(a *userApp, _ *browser, id string) error { return a.auth.RevokeUser(t.Context(), id) },
		"deleted": func(a *userApp, _ *browser, id string) error { return a.auth.DeleteUser(t.Context(), id) },
		"garbage": func(_ *userApp, b *browser, _ string) error { b.plant(sessionCookie, "garbage"); return nil },
		"expired": func(_ *userApp, b *browser, id string) error {
			b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{"sub": id, "exp": 1000}))
			return nil
		},
		"of nobody": func(_ *userApp, b *browser, _ string) error {
			b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{"sub": "nobody"}))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newUserApp(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
			b := a.browser(t)
			b.signInAt(a.idp, "first", "ada")
			ada := b.id()
			if err := kill(a, b, ada); err != nil {
				t.Fatal(err)
			}
			if res := b.signInAt(a.idp, "first", "grace"); !res.signedIn() {
				t.Fatalf("leads to %s\n%s", res.Header.Get("Location"), a.log)
			}
			grace := b.id()
			if grace == "" || grace == ada || a.owner(t, "first", "grace") != grace {
				t.Errorf("signed in as %q, and Ada is %q", grace, ada)
			}
		})
	}

	adapter := ginauth.MemoryAdapter()
	s := newAppleSite(t, ginauth.Options{Adapter: adapter})
	b := s.browser(t)
	name := "__Secure-" + sessionCookie
	b.cookies[name] = &http.Cookie{Name: name, Value: "garbage", Secure: true, SameSite: http.SameSiteLaxMode}
	if got := b.do(s.post(t, b.begin("apple", "/")), true).Header.Get("Location"); got != s.URL+"/" {
		t.Errorf("by POST it leads to %s\n%s", got, s.log)
	}
}

// The other of two first sign-ins at once stores the user between any two steps of this
// one: they are one user, and only one of them is new.
func TestLinking_Interleaved(t *testing.T) {
	t.Parallel()
	account := ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "ada"}
	for _, row := range []struct {
		name   string
		method string // before which the other one stores the user
		email  string // of the user that it stores
		code   string
	}{
		{"the same person, when the address is looked up", "GetUserByEmail", "ada@example.com", ""},
		{"the same person under another address", "CreateUser", "elsewhere@example.com", ""},
		{"the same person, when the user is created", "CreateUser", "ada@example.com", ""},
	} {
		d := &troubled{Adapter: ginauth.MemoryAdapter()}
		a := newUserApp(t, ginauth.Options{Adapter: d})
		var other ginauth.User
		d.set(row.method, func() error {
			var err error
			if other.ID == "" {
				other, err = d.Adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: row.email, EmailVerified: time.Now()}, &account)
			}
			return err
		})
		b := a.browser(t)
		res := b.signInAt(a.idp, "first", "ada")
		if !res.signedIn() || b.id() != other.ID || other.ID == "" {
			t.Errorf("%s: leads to %s as %q, want %q\n%s", row.name, res.Header.Get("Location"), b.id(), other.ID, a.log)
		}
		if got := a.heard(); !reflect.DeepEqual(got, []string{"jwt signIn", "signIn Ada"}) {
			t.Errorf("%s: the application heard %q", row.name, got)
		}
	}
}

// A lying adapter answers with somebody else, as a database does that compares texts by
// rules of its own.
type lying struct {
	ginauth.Adapter
	method string
	user   ginauth.User
}

func (l lying) lie(method string, user ginauth.User, err error) (ginauth.User, error) {
	if l.method == method {
		return l.user, nil
	}
	return user, err
}

func (l lying) CreateUser(ctx context.Context, user ginauth.User, a *ginauth.Account) (ginauth.User, error) {
	if l.method == "CreateUser" {
		return l.user, nil
	}
	return l.Adapter.CreateUser(ctx, user, a)
}

func (l lying) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	user, err := l.Adapter.GetUser(ctx, id)
	return l.lie("GetUser", user, err)
}

func (l lying) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	user, err := l.Adapter.GetUserByEmail(ctx, email)
	return l.lie("GetUserByEmail", user, err)
}

func (l lying) GetUserByAccount(ctx context.Context, provider, id string) (ginauth.User, error) {
	user, err := l.Adapter.GetUserByAccount(ctx, provider, id)
	return l.lie("GetUserByAccount", user, err)
}

func (l lying) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	changed, err := l.Adapter.UpdateUser(ctx, user)
	return l.lie("UpdateUser", changed, err)
}

// No answer of an adapter is believed to be about whom it was asked for.
func TestAttack21_LyingAdapter(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GetUser", "GetUserByEmail", "GetUserByAccount", "CreateUser", "UpdateUser"} {
		for _, nobody := range []bool{false, true} {
			memory := ginauth.MemoryAdapter()
			user, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Victim", Email: victim, EmailVerified: time.Now()},
				&ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "victim"})
			if err != nil {
				t.Fatal(err)
			}
			known, err := memory.CreateUser(t.Context(), ginauth.User{Email: "known@example.com", EmailVerified: time.Now()}, nil)
			if err != nil {
				t.Fatal(err)
			}
			id := user.ID
			if nobody { // a user without ID is everybody's
				user.ID = ""
			}
			// Nor is the application told that the victim came.
			told := func(what string, u *ginauth.User) {
				if u != nil && u.Name == "Victim" {
					t.Errorf("%s lies, and %s is of the victim", method, what)
				}
			}
			a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{
				Adapter: lying{memory, method, user}, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
				Callbacks: ginauth.Callbacks{
					SignIn: func(_ *gin.Context, p ginauth.SignInParams) error { told("SignIn", p.User); return nil },
					JWT:    func(_ *gin.Context, p ginauth.JWTParams) error { told("JWT", p.User); return nil },
				},
				Events: ginauth.Events{
					CreateUser:  func(_ *gin.Context, e ginauth.UserEvent) { told("CreateUser", e.User) },
					UpdateUser:  func(_ *gin.Context, e ginauth.UserEvent) { told("UpdateUser", e.User) },
					LinkAccount: func(_ *gin.Context, e ginauth.LinkAccountEvent) { told("LinkAccount", e.User) },
				},
			}})
			a.passwords.set("mallory", "12abc", evilPassword)
			mails := func(b *browser, email string) answer {
				if res := b.ask(email, "/"); !strings.Contains(res.Header.Get("Location"), "/verify-request") {
					return res
				}
				return b.press(a.inbox.newest(t).URL)
			}
			for way, enter := range map[string]func(b *browser) answer{
				"a new account":  func(b *browser) answer { return b.signInAt(a.idp, "first", "nemo") },
				"a new address":  func(b *browser) answer { return b.signInAt(a.idp, "first", "grace") },
				"mail":           func(b *browser) answer { return mails(b, "v\u00edctim@example.com") },
				"mail, new":      func(b *browser) answer { return mails(b, "new@example.com") },
				"mail, known":    func(b *browser) answer { return mails(b, known.Email) },
				"password":       func(b *browser) answer { return b.types("mallory", evilPassword) },
				"account linked": func(b *browser) answer { b.types("mallory", evilPassword); return b.signInAt(a.idp, "first", "eve") },
			} {
				b := a.browser(t)
				res := enter(b)
				if got := b.id(); got == id || b.user() == victim || got == "" && b.user() != "" {
					t.Errorf("%s lies, and by %s %q is %q\n%s", method, way, b.user(), got, a.log)
				}
				if location := res.Header.Get("Location"); strings.Contains(location, "CreateAccount") && !strings.Contains(a.log.String(), "ginauth: the adapter returned") {
					t.Errorf("%s lies, and by %s the log does not say so: %s", method, way, a.log)
				}
			}
			if list, err := memory.ListAccounts(t.Context(), id); err != nil || len(list) != 1 {
				t.Errorf("%s lies: the victim has the accounts %+v, %v", method, list, err)
			}
		}
	}
}

// A database that takes 12abc for the number 12 makes nobody of 12abc.
func TestAttack21_IDForAnother(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	user, err := memory.CreateUser(t.Context(), ginauth.User{Email: victim}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Adapter: lying{memory, "GetUser", user}}})
	a.passwords.set("mallory", user.ID+"abc", evilPassword)
	b := a.browser(t)
	b.types("mallory", evilPassword).refused(t, "OAuthAccountNotLinked")
	if got := a.names(t, user.ID); len(got) != 0 || b.id() != "" || !strings.Contains(a.log.String(), "byte by byte") {
		t.Errorf("the victim has %v, signed in is %q: %s", got, b.id(), a.log)
	}
	if err := a.auth.LinkCredentials(t.Context(), user.ID+"abc"); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("LinkCredentials: %v", err)
	}
}
