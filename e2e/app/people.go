package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/e2e/languages"
)

// memory keeps sessions of this process, and finds those of a person.
type memory struct {
	mu   sync.Mutex
	rows map[string]row // by handle
}

type row struct {
	user, id string
	data     []byte
}

func (m *memory) Create(_ context.Context, user string, data []byte, _ time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	handle := rand.Text()
	m.rows[handle] = row{user, strconv.Itoa(len(m.rows)) + rand.Text()[:4], data}
	return handle, nil
}

func (m *memory) Get(_ context.Context, handle string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[handle]
	if !ok {
		return nil, ginauth.ErrNotFound
	}
	return r.data, nil
}

func (m *memory) Update(_ context.Context, handle string, data []byte, _ time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[handle]
	if !ok {
		return "", ginauth.ErrNotFound
	}
	r.data = data
	m.rows[handle] = r
	return handle, nil
}

func (m *memory) Delete(_ context.Context, handle string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, handle)
	return nil
}

func (m *memory) List(_ context.Context, user string) (list []ginauth.StoredSession, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.user == user {
			list = append(list, ginauth.StoredSession{ID: r.id, Data: r.data})
		}
	}
	return list, nil
}

func (m *memory) DeleteListed(_ context.Context, user, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for handle, r := range m.rows {
		if r.user == user && r.id == id {
			delete(m.rows, handle)
			return nil
		}
	}
	return ginauth.ErrNotFound
}

func (m *memory) DeleteUser(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for handle, r := range m.rows {
		if r.user == user {
			delete(m.rows, handle)
		}
	}
	return nil
}

// account mounts a site with an account page, below /person.
func account(r *gin.Engine, site string) error {
	ctx := context.Background()
	users := ginauth.MemoryAdapter()
	ada, err := users.CreateUser(ctx, ginauth.User{Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: time.Now()}, &ginauth.Account{
		Provider: "github", Type: "oauth", ProviderAccountID: "1815",
	})
	if err != nil {
		return err
	}
	form := passwords()
	form.Authorize = func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
		if typed["name"] != "ada" || typed["password"] != "engine" {
			return nil, nil
		}
		return &ginauth.User{ID: ada.ID, Name: ada.Name, Email: ada.Email}, nil
	}
	auth, err := ginauth.Register(r.Group("/person"), ginauth.Options{
		BaseURL: site + "/person/api/auth", Secret: secret, Cookies: ginauth.CookieOptions{Prefix: "person"},
		Adapter: users, Session: ginauth.SessionOptions{Store: &memory{rows: map[string]row{}}},
		Providers: append(ginauth.Goth(github.New("id", "secret", ""), google.New("id", "secret", "")), form),
		Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error {
			return ginauth.PublicError("Cancel your subscription first.")
		}},
		AccountPage: true, Now: now, Translations: languages.All(),
	})
	if err != nil {
		return err
	}
	r.GET("/person/menu", auth.LoadSession(), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<!doctype html><html lang="en"><head><title>Menu</title><link rel="icon" href="data:,"></head><body><main><h1>Menu</h1>`+
			string(auth.AccountMenu(c, "")+auth.ProviderButtons(c, "/person/menu"))+`</main></body></html>`))
	})
	return auth.LinkCredentials(ctx, ada.ID)
}
