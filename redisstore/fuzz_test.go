package redisstore_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/redisstore"
)

// FuzzRecord reads what may stand in a session's key: it is a session that has
// not expired, or nothing.
func FuzzRecord(f *testing.F) {
	for _, raw := range []string{
		`{"user":"ada","expires":1800000000001,"data":{"sub":"ada"}}`, `{"expires":1800000000000,"data":{}}`,
		`{"expires":9e99,"data":{}}`, `{"data":null}`, "null", "[]", "", "\x0e\xff\x81",
	} {
		f.Add(raw)
	}
	now := time.UnixMilli(1_800_000_000_000)
	f.Fuzz(func(t *testing.T, raw string) {
		data, err := redisstore.Parse(raw, now)
		if err != nil {
			if !errors.Is(err, ginauth.ErrNotFound) {
				t.Errorf("%v", err)
			}
			return
		}
		var r struct{ Expires int64 }
		if json.Unmarshal([]byte(raw), &r) != nil || r.Expires <= now.UnixMilli() || !json.Valid(data) {
			t.Errorf("%q is a session: %q", raw, data)
		}
	})
}
