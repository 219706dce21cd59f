package passkeys

import "context"

// A Stored is a passkey as it is kept.
type Stored struct {
	ID     string // see ID
	UserID string
	Data   []byte // of a Record
}

// storedAs is a Stored by any name.
type storedAs interface {
	~struct {
		ID     string
		UserID string
		Data   []byte
	}
}

// A Source keeps passkeys, by a type of its own. Its contract is the one of
// ginauth.PasskeyStore.
type Source[P storedAs] interface {
	CreatePasskey(ctx context.Context, p P) error
	GetPasskey(ctx context.Context, id string) (P, error)
	ListPasskeys(ctx context.Context, userID string) ([]P, error)
	UpdatePasskey(ctx context.Context, p P, data []byte) error
	DeletePasskey(ctx context.Context, userID, id string) error
}

// A Store is a Source whose passkeys are Stored.
type Store interface {
	create(ctx context.Context, s Stored) error
	get(ctx context.Context, id string) (Stored, error)
	list(ctx context.Context, userID string) ([]Stored, error)
	update(ctx context.Context, s Stored, data []byte) error
	remove(ctx context.Context, userID, id string) error
}

// From makes a Store of a Source. Only these few lines know its type: a Keeper of each
// type would be that much larger.
func From[P storedAs](source Source[P]) Store { return store[P]{source} }

type store[P storedAs] struct{ source Source[P] }

func (s store[P]) create(ctx context.Context, p Stored) error {
	return s.source.CreatePasskey(ctx, P(p))
}

func (s store[P]) get(ctx context.Context, id string) (Stored, error) {
	p, err := s.source.GetPasskey(ctx, id)
	return Stored(p), err
}

func (s store[P]) list(ctx context.Context, userID string) ([]Stored, error) {
	list, err := s.source.ListPasskeys(ctx, userID)
	stored := make([]Stored, len(list))
	for i, p := range list {
		stored[i] = Stored(p)
	}
	return stored, err
}

func (s store[P]) update(ctx context.Context, p Stored, data []byte) error {
	return s.source.UpdatePasskey(ctx, P(p), data)
}

func (s store[P]) remove(ctx context.Context, userID, id string) error {
	return s.source.DeletePasskey(ctx, userID, id)
}
