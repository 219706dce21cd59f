package sessionstrategy

import (
	"encoding/json"
	"strconv"
	"time"
)

// A Namespace tells the sessions of one Auth from those of others in a shared store:
// by the name that its cookies begin with. All processes of one application have the
// same, with http and https alike.
type Namespace struct {
	name  string
	scope string
}

// NewNamespace makes the namespace of an Auth whose cookies begin with prefix: letters,
// digits, dots, dashes and underscores. usual is the prefix of an Auth that names
// people and sessions without a scope.
func NewNamespace(prefix, usual string) Namespace {
	if prefix == usual {
		return Namespace{name: prefix}
	}
	return Namespace{prefix, prefix + "\n"}
}

// String is the prefix of the Auth's cookies.
func (n Namespace) String() string { return n.name }

// Scope is put in front of the names of people and sessions in a shared store: nothing
// for an Auth whose cookies have their usual names.
func (n Namespace) Scope() string { return n.scope }

// Owner is what a user is called in the store.
func (n Namespace) Owner(userID string) string {
	if userID == "" {
		return ""
	}
	return n.scope + userID
}

// A Stored is what a store keeps of a session: JSON, since some keep nothing else.
type Stored struct {
	Of string `json:"of"`
	// Born is when the session was kept first, in Unix microseconds, until it is kept
	// again. auth_time has whole seconds: this tells the sessions of one second apart.
	Born int64 `json:"born,omitempty"`
	// Writer is the process that wrote it, and At when, in Unix seconds: see others.
	Writer string          `json:"writer,omitempty"`
	At     int64           `json:"at,omitempty"`
	Claims json.RawMessage `json:"claims"`
}

// born are the members of a session that begins now.
func born() string { return `"born":` + strconv.FormatInt(time.Now().UnixMicro(), 10) + "," }

// wrap makes of a token's payload what a store keeps. members are further ones of that
// JSON object, each with a comma.
func (n Namespace) wrap(members string, payload []byte) []byte {
	data := append([]byte(`{"of":"`+n.name+`",`+members+`"claims":`), payload...) // the name needs no escapes
	return append(data, '}')
}

// Unwrap reads what a store keeps, and reports whether it is a session of this Auth.
func (n Namespace) Unwrap(data []byte) (s Stored, ok bool) {
	if json.Unmarshal(data, &s) != nil || s.Of != n.name {
		return Stored{}, false
	}
	return s, true
}
