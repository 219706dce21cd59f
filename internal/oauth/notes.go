package oauth

import (
	"context"
	"sync"
)

// A Note says that a sign-in went on without something that it can do without,
// such as the list of a person's e-mail addresses.
type Note struct {
	What string // that is missing
	Err  error  // why, fit for a log
}

type notes struct {
	mu   sync.Mutex
	list []Note
}

type notesKey struct{}

// withNotes returns a context that Leave writes to.
func withNotes(ctx context.Context) (context.Context, *notes) {
	n := &notes{}
	return context.WithValue(ctx, notesKey{}, n), n
}

// Leave notes on the sign-in that ctx belongs to what it goes on without. err must
// be redacted. Outside a sign-in it does nothing.
func Leave(ctx context.Context, what string, err error) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, Note{what, err})
}

func (n *notes) all() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list
}
