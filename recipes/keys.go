package recipes

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Keys are API keys: for a mobile app, a script or a partner. They are kept by their hash.
// In production the map is a table.
type Keys struct {
	mu     sync.Mutex
	byHash map[[sha256.Size]byte]apiKey
}

type apiKey struct {
	owner  string // the user's ID
	scopes []string
}

// Create makes a key, which is shown to its owner once.
func (k *Keys) Create(owner string, scopes ...string) string {
	key := "acme_" + rand.Text() // 128 random bits and more
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byHash == nil {
		k.byHash = map[[sha256.Size]byte]apiKey{}
	}
	k.byHash[sha256.Sum256([]byte(key))] = apiKey{owner, scopes}
	return key
}

// Verify is for auth.AcceptBearer.
func (k *Keys) Verify(_ *gin.Context, token string) (*ginauth.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.byHash[sha256.Sum256([]byte(token))]
	if !ok {
		return nil, ginauth.ErrInvalidToken
	}
	return &ginauth.Session{User: ginauth.User{ID: key.owner}, Scopes: key.scopes}, nil
}

// Delete deletes all keys of an owner: RevokeUser does not reach them.
func (k *Keys) Delete(owner string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for hash, key := range k.byHash {
		if key.owner == owner {
			delete(k.byHash, hash)
		}
	}
}
