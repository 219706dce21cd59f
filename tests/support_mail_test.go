package tests

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"

	"github.com/ginauth/ginauth"
)

// An inbox holds what an application's own Send sent.
type inbox struct {
	mu    sync.Mutex
	mails []ginauth.Mail
	fault error
}

func (i *inbox) send(_ context.Context, m ginauth.Mail) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fault != nil {
		return i.fault
	}
	i.mails = append(i.mails, m)
	return nil
}

func (i *inbox) all() []ginauth.Mail {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]ginauth.Mail(nil), i.mails...)
}

// newest is the mail that came last.
func (i *inbox) newest(t testing.TB) ginauth.Mail {
	t.Helper()
	mails := i.all()
	if len(mails) == 0 {
		t.Fatal("no mail came")
	}
	return mails[len(mails)-1]
}

// A mailApp is an application that signs people in by mail.
type mailApp struct {
	*app
	db    *memory
	inbox *inbox
	clock *mailClock
}

// mailClock is an application's clock, which a test moves.
type mailClock struct {
	mu    sync.Mutex
	ahead time.Duration
	of    *mailClock // that it shows the time of, if any
}

func (c *mailClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != nil {
		return c.of.now()
	}
	return time.Now().Add(c.ahead)
}

// follow makes a clock show another's time from now on.
func (c *mailClock) follow(of *mailClock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of = of
}

func (c *mailClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// newMailApp runs an application with a provider of mails whose Send, if it has no
// server, is an inbox. Further providers stay.
func newMailApp(t testing.TB, email ginauth.Email, opts ginauth.Options) *mailApp {
	t.Helper()
	if opts.Limits == (ginauth.Limits{}) { // one person asks for more mails than any would
		opts.Limits.Disabled = true
	}
	a := &mailApp{app: &app{engine: gin.New(), log: &logBuffer{}}, db: newMemory(), inbox: &inbox{}, clock: &mailClock{}}
	a.Server = httptest.NewUnstartedServer(a.engine)
	if email.Send == nil && email.SMTP.Addr == "" {
		email.Send = a.inbox.send
	}
	if opts.Secret == "" {
		opts.Secret = testSecret
	}
	if opts.Adapter == nil {
		opts.Adapter = a.db
	} else if db, ok := opts.Adapter.(*memory); ok {
		a.db = db
	}
	opts.Providers = append([]ginauth.Provider{email}, opts.Providers...)
	opts.BaseURL = "http://" + a.Listener.Addr().String()
	opts.Logger, opts.Now = a.log.logger(), a.clock.now
	var err error
	if a.auth, err = ginauth.Register(a.engine, opts); err != nil {
		t.Fatal(err)
	}
	a.log.forget() // what is said at the start
	a.engine.Any("/me", a.auth.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	a.Start()
	t.Cleanup(func() {
		a.Close()
		a.log.speaks(t)
	})
	return a
}

// ask asks for a mail to an address.
func (b *browser) ask(email, callbackURL string) answer {
	b.t.Helper()
	return b.post("/api/auth/signin/email", url.Values{"csrfToken": {b.csrf()}, "email": {email}, "callbackUrl": {callbackURL}})
}

// sent fails the test unless an answer says that a mail is on its way.
func (a answer) sent(t testing.TB) {
	t.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusFound || !strings.HasSuffix(got, "/api/auth/verify-request?provider=email&type=email") {
		t.Fatalf("answered %d and leads to %q", a.StatusCode, got)
	}
}

// asksFor sends a mail to an address and returns its link.
func (a *mailApp) asksFor(t testing.TB, b *browser, email string) string {
	t.Helper()
	b.ask(email, "/me").sent(t)
	return a.inbox.newest(t).URL
}

// press opens a link and presses the button on its page.
func (b *browser) press(link string) answer {
	b.t.Helper()
	page := b.get(link)
	if page.StatusCode != http.StatusOK {
		return page
	}
	action, fields := onlyForm(b.t, page.body)
	return b.post(action, fields)
}

// onlyForm is where the one form of a page leads, besides the one that asks for another
// mail, and what it sends.
func onlyForm(t testing.TB, body string) (action string, fields url.Values) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	forms := 0
	type form struct {
		action string
		fields url.Values
	}
	var all []form
	for n := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form":
			all = append(all, form{attributes["action"], url.Values{}})
		case n.Data == "input":
			all[len(all)-1].fields.Set(attributes["name"], attributes["value"])
		}
	}
	for _, f := range all {
		if !f.fields.Has("again") { // which asks for another mail
			forms++
			action, fields = f.action, f.fields
		}
	}
	if forms != 1 {
		t.Fatalf("%d forms on the page: %s", forms, body)
	}
	return action, fields
}

// links are the addresses that an HTML text leads to.
func links(t testing.TB, text string) (found []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if n.Type == html.ElementNode && (a.Key == "href" || a.Key == "src" || a.Key == "action") {
				found = append(found, a.Val)
			}
		}
	}
	return found
}
