package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// What stands in for an option that another check is about. The host is of nobody
// (RFC 6761 §6.4).
const (
	placeholderHost   = "doctor.invalid"
	placeholderURL    = "https://" + placeholderHost
	placeholderSecret = "a placeholder that seals nothing, of forty bytes"
)

// examineEnvironment has the library read the environment, in gin's release mode, and
// reports the faults that it finds. A fault is wrong. But where it ends as soon as code
// sets the option that is empty, code may do so: then it cannot be seen from here.
func (d *doctor) examineEnvironment() {
	mode := gin.Mode()
	defer gin.SetMode(mode)
	d.secret()
	d.address()
	d.environmentProviders()
}

func (d *doctor) secret() {
	opts := ginauth.Options{BaseURL: placeholderURL}
	_, err := ginauth.New(opts)
	opts.DangerousShortSecret = true
	if _, empty := ginauth.New(opts); empty != nil {
		d.add("secret", unseen, "%s; or Options.Secret has it", text(empty))
		return
	}
	if err != nil {
		d.add("secret", wrong, "%s", text(err))
		return
	}
	d.add("secret", right, "the environment has one of 32 bytes or more")
}

// address is what the environment says of the site's own address.
func (d *doctor) address() {
	opts := ginauth.Options{Secret: placeholderSecret, Providers: []ginauth.Provider{placeholder()}}
	site, faults := register(gin.ReleaseMode, opts)
	// Outside release mode an empty address is no fault.
	_, malformed := register(gin.TestMode, opts)
	opts.TrustedHosts = []string{placeholderHost}
	_, unsafe := register(gin.ReleaseMode, opts)
	for _, fault := range union(malformed, unsafe) {
		d.add("address", wrong, "%s", fault)
	}
	switch {
	case len(malformed)+len(unsafe) > 0:
		return
	case len(faults) > 0:
		d.add("address", unseen, "%s; or Options.BaseURL has it", strings.Join(faults, "; "))
		return
	}
	routes := strings.TrimSuffix(site.callbacks(placeholderHost)["doctor"], "/callback/doctor")
	if strings.HasPrefix(routes, "http://"+placeholderHost) {
		d.add("address", right, "the environment lets every request choose the host")
	} else {
		d.routes = routes
		d.add("address", right, "the auth routes are at %s", routes)
	}
	for _, warning := range site.warnings {
		d.add("address", wrong, "%s", warning)
	}
}

// environmentProviders makes the providers of the environment, as an application does
// with providers.FromEnv.
func (d *doctor) environmentProviders() {
	list, err := providers.FromEnv()
	for _, fault := range flat(err) {
		d.add("providers", wrong, "%s", fault)
	}
	if err != nil {
		return
	}
	if len(list) == 0 {
		d.add("providers", unseen, "the environment has no client of any service, such as GITHUB_ID and GITHUB_SECRET; code may make providers itself")
		return
	}
	opts := ginauth.Options{Secret: placeholderSecret, Providers: list}
	site, faults := register(gin.ReleaseMode, opts)
	if site == nil { // the address is another check's
		opts.BaseURL = placeholderURL
		site, faults = register(gin.ReleaseMode, opts)
	}
	for _, fault := range faults {
		d.add("providers", wrong, "%s", fault)
	}
	if site == nil {
		return
	}
	for _, warning := range site.warnings {
		d.add("providers", wrong, "%s", warning)
	}
	d.providers, d.callbacks = list, site.callbacks(placeholderHost)
	ids := slices.Sorted(maps.Keys(d.callbacks))
	if len(site.warnings) == 0 {
		d.add("providers", right, "%s", strings.Join(ids, ", "))
	}
	for _, id := range ids {
		if d.routes != "" {
			d.add("callback "+id, right, "register %s at the provider", d.callbacks[id])
		}
	}
}

// A registered site is one that the library made of the environment. It listens nowhere.
type registered struct {
	handler  http.Handler
	path     string   // of the auth routes
	warnings []string // that an operator would read in the log
}

// register calls ginauth.Register in one of gin's modes. Without a site it returns the
// faults.
func register(mode string, opts ginauth.Options) (*registered, []string) {
	gin.SetMode(mode)
	seen := &warnings{}
	opts.Logger = slog.New(seen)
	r := gin.New()
	if _, err := ginauth.Register(r, opts); err != nil {
		return nil, flat(err)
	}
	path := ""
	for _, route := range r.Routes() {
		path = strings.TrimSuffix(route.Path, "/*action")
	}
	return &registered{r, path, seen.lines}, nil
}

// callbacks asks the site for the callback URL of each provider.
func (s *registered) callbacks(host string) map[string]string {
	req := httptest.NewRequest(http.MethodGet, "http://"+host+s.path+"/providers", nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, req)
	all := map[string]string{}
	for id, p := range listed(w.Body.Bytes()) {
		all[id] = p.CallbackURL
	}
	return all
}

// A listedProvider is one of a site's answer to GET providers.
type listedProvider struct {
	Type        string `json:"type"`
	CallbackURL string `json:"callbackUrl"`
}

// listed reads an answer to GET providers; nil if it is none.
func listed(body []byte) map[string]listedProvider {
	var all map[string]listedProvider
	if json.Unmarshal(body, &all) != nil {
		return nil
	}
	for _, p := range all {
		if p.CallbackURL == "" {
			return nil
		}
	}
	return all
}

// placeholder is a provider, where the check is about something else.
func placeholder() ginauth.Provider {
	return ginauth.Credentials{ID: "doctor", Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }}
}

// warnings is a slog.Handler that keeps what an operator should read.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler               { return w }
func (w *warnings) WithGroup(string) slog.Handler                    { return w }

func (w *warnings) Handle(_ context.Context, record slog.Record) error {
	line := trimmed(record.Message)
	record.Attrs(func(a slog.Attr) bool {
		line += " (" + a.Key + " " + a.Value.String() + ")"
		return true
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
	return nil
}

// flat are the texts of an error that joins others.
func flat(err error) (all []string) {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, part := range joined.Unwrap() {
			all = append(all, flat(part)...)
		}
		return all
	}
	return []string{trimmed(err.Error())}
}

func text(err error) string { return strings.Join(flat(err), "; ") }

// trimmed leaves out which package says it.
func trimmed(text string) string {
	text = strings.TrimPrefix(text, "ginauth: ")
	return strings.TrimPrefix(text, "providers: ")
}

// union are the texts of both lists, each once.
func union(a, b []string) (all []string) {
	for _, text := range slices.Concat(a, b) {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// providerID is the id of an OAuth provider in the routes.
func providerID(p ginauth.OAuth) string { return cmp.Or(p.ID, p.Provider.Name()) }
