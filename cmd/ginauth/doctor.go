package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ginauth/ginauth"
)

const (
	// requestTimeout bounds one request, its body included.
	requestTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 1 << 20
	// maxClockDifference is how far a clock may be from this machine's: its header
	// Date has whole seconds, and an answer takes a while.
	maxClockDifference = 30 * time.Second
)

// A doctor examines a configuration from outside. It sends no secret to anyone.
type doctor struct {
	report
	transport http.RoundTripper
	now       func() time.Time

	// What the environment has. Code may have more.
	routes    string             // public URL of the auth routes; empty if it is not there
	providers []ginauth.Provider // as providers.FromEnv makes them
	callbacks map[string]string  // the callback URL of each, where the routes are known
}

// examine is the subcommand doctor. It returns the exit status.
func examine(ctx context.Context, args []string, out, diagnostics io.Writer) int {
	flags := flag.NewFlagSet("ginauth doctor", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	asJSON := flags.Bool("json", false, "write the report as JSON")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(diagnostics, "usage: ginauth doctor [-json] [URL]\nURL is the address of a running site, such as https://app.example.com")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 1 {
		flags.Usage()
		return 2
	}
	var site *url.URL
	if flags.NArg() == 1 {
		var err error
		if site, err = siteURL(flags.Arg(0)); err != nil {
			_, _ = fmt.Fprintf(diagnostics, "ginauth: %v; write for instance https://app.example.com\n", err)
			return 2
		}
	}
	d := &doctor{transport: http.DefaultTransport, now: time.Now}
	d.examineEnvironment()
	d.examineIssuers(ctx)
	if site != nil {
		d.examineSite(ctx, site)
		d.settle("address", "own address")
		d.settle("providers", "provider list")
	}
	if err := d.write(out, *asJSON); err != nil {
		_, _ = fmt.Fprintf(diagnostics, "ginauth: %v\n", err)
		return 2
	}
	_, status := d.result()
	return status
}

// siteURL reads the address of a site. Its path is the prefix of the site, or the
// public path of the auth routes.
func siteURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be read")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("the URL is no http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the URL has more than a host and a path")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// An answer is what came of a request.
type answer struct {
	*http.Response
	body []byte
	when time.Time // on this machine's clock, in the middle of the request
}

// send sends a request, follows no redirect, and reads the answer.
func (d *doctor) send(req *http.Request) (*answer, error) {
	client := &http.Client{
		Transport: d.transport, Timeout: requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req.Header.Set("User-Agent", "ginauth-doctor")
	began := d.now()
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	took := d.now().Sub(began)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return &answer{res, body, began.Add(took / 2)}, nil
}

// get is send for a GET.
func (d *doctor) get(ctx context.Context, target string, header http.Header) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return d.send(req)
}

// clock compares the clock of who answered with this machine's.
func (d *doctor) clock(check, whose string, a *answer) {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		d.add(check, unseen, "%s sends no time", whose)
		return
	}
	// Date is cut to the second: on average the true time is half a second later.
	behind := a.when.Sub(date.Add(time.Second / 2)).Round(time.Second)
	switch {
	case behind > maxClockDifference:
		d.add(check, wrong, "the clock of %s is %v behind this machine's: set both by NTP; id_tokens and sessions have times", whose, behind)
	case behind < -maxClockDifference:
		d.add(check, wrong, "the clock of %s is %v ahead of this machine's: set both by NTP; id_tokens and sessions have times", whose, -behind)
	default:
		d.add(check, right, "the clock of %s and this machine's differ by less than %v", whose, maxClockDifference)
	}
}
