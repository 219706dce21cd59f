package limit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/token"
)

func deviceCookie(t *testing.T, name string) limit.DeviceCookie {
	t.Helper()
	ring, err := token.V4.Keyring("test", "a secret")
	if err != nil {
		t.Fatal(err)
	}
	return limit.DeviceCookie{Keyring: ring, Name: name}
}

// A device cookie has 1500 bytes with its name, and not one more: what does not fit is
// forgotten, the oldest sign-in first.
func TestDeviceCookie_Length(t *testing.T) {
	t.Parallel()
	var list limit.Devices
	for _, user := range []string{"old", "young"} {
		list, _ = deviceCookie(t, "").Add(list, "email", user, fixed(), []string{strings.Repeat("b", 300)})
	}
	value, kept := deviceCookie(t, "").Seal(list)
	if len(kept) != 2 || value == "" {
		t.Fatalf("%d are kept in %d bytes", len(kept), len(value))
	}
	room := 1500 - len(value)
	for length, want := range map[int][]string{room: {"young", "old"}, room + 1: {"young"}, 1500: nil} {
		value, kept := deviceCookie(t, strings.Repeat("n", length)).Seal(list)
		var users []string
		for _, d := range kept {
			users = append(users, d.User)
		}
		if !slices.Equal(users, want) || (value == "") != (want == nil) {
			t.Errorf("with a name of %d bytes %q are kept, in %d", length, users, len(value))
		}
	}
	one, _ := deviceCookie(t, "").Add(nil, "email", "ada", fixed(), []string{"b"})
	value, _ = deviceCookie(t, "").Seal(one)
	for length, want := range map[int]bool{1500 - len(value): true, 1501 - len(value): false} {
		if list, ok := deviceCookie(t, strings.Repeat("n", length)).Add(nil, "email", "ada", fixed(), []string{"b"}); ok != want || (len(list) == 1) != want {
			t.Errorf("a name of %d bytes, with a value of %d: %v", length, len(value), ok)
		}
	}
}

// A sign-in takes the place of an earlier one of the same person at the same provider
// under the same identifier, and of no other; user IDs have up to 256 bytes.
func TestDeviceCookie_Add(t *testing.T) {
	t.Parallel()
	c := deviceCookie(t, "device")
	list, ok := c.Add(nil, "email", "ada", fixed(), []string{"b1", "b2"})
	if !ok || len(list) != 1 || list[0].Provider != "email" || list[0].User != "ada" || list[0].Since != fixed().Unix() || !slices.Equal(list[0].Buckets, []string{"b1", "b2"}) || list[0].ID == "" {
		t.Fatalf("%+v", list)
	}
	for _, row := range []struct {
		name, provider, user string
		buckets              []string
		want                 int
	}{
		{"again", "email", "ada", []string{"b1", "b2"}, 1},
		{"by one of two identifiers", "email", "ada", []string{"b2", "b3"}, 1},
		{"by another identifier", "email", "ada", []string{"b4"}, 2},
		{"at another provider", "password", "ada", []string{"b1", "b2"}, 2},
		{"another person by the same identifier", "email", "grace", []string{"b1", "b2"}, 2},
	} {
		got, ok := c.Add(list, row.provider, row.user, fixed().Add(time.Hour), row.buckets)
		if !ok || len(got) != row.want || got[0].User != row.user || got[0].Since != fixed().Unix()+3600 || got[0].ID == list[0].ID {
			t.Errorf("%s: %+v, %v", row.name, got, ok)
		}
	}
	for length, want := range map[int]bool{256: true, 257: false} {
		if _, ok := c.Add(nil, "email", strings.Repeat("x", length), fixed(), []string{"b"}); ok != want {
			t.Errorf("an ID of %d bytes: %v", length, ok)
		}
	}
}

// A device is found by the identifiers that its sign-in had, all of them or fewer.
func TestDevices_Find(t *testing.T) {
	t.Parallel()
	list := limit.Devices{
		{ID: "1", Provider: "email", User: "ada", Buckets: []string{"b1", "b2"}}, {ID: "2", Provider: "email", User: "grace", Buckets: []string{"b1"}},
	}
	for _, row := range []struct {
		name    string
		buckets []string
		revoked string
		want    string
	}{
		{"the latest", []string{"b1"}, "", "1"},
		{"one that stands behind a revoked one", []string{"b1"}, "ada", "2"},
		{"both identifiers", []string{"b2", "b1"}, "", "1"},
		{"one that it has not", []string{"b1", "b3"}, "", ""},
		{"none", nil, "", ""},
	} {
		d, ok := list.Find("email", row.buckets, func(d limit.Device) bool { return d.User == row.revoked })
		if d.ID != row.want || ok != (row.want != "") {
			t.Errorf("%s: %q, %v", row.name, d.ID, ok)
		}
	}
	if rest := list.Without("2"); len(rest) != 1 || rest[0].ID != "1" {
		t.Errorf("%v", rest)
	}
	if rest := list.Without("3"); len(rest) != 2 {
		t.Errorf("%v", rest)
	}
}

// A cookie that is not whole knows nobody.
func TestDeviceCookie_Broken(t *testing.T) {
	t.Parallel()
	c := deviceCookie(t, "device")
	one := fmt.Sprintf(`{"n":"1","p":"email","u":"ada","t":%d,"b":["b"]}`, fixed().Unix())
	for payload, want := range map[string]int{"[" + one + "]": 1, "[" + one + ",7]": 0, "[" + one: 0, one: 0, "null": 0, "": 0} {
		if list := c.Open(c.Keyring.Seal([]byte(payload)), fixed()); len(list) != want {
			t.Errorf("%s knows %d people", payload, len(list))
		}
	}
}
