package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/token"
)

const (
	secret  = "0123456789abcdef0123456789abcdef"
	older   = "fedcba9876543210fedcba9876543210"
	payload = `{"sub":"u-1","name":"Ada Lovelace","exp":4102444800}`
)

func TestSealOpen(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	for _, n := range []int{0, 1, 2, 3, 15, 16, 17, 300, 4096, 100_000} {
		want := bytes.Repeat([]byte{'x'}, n)
		sealed := k.Seal(want)
		got, current, err := k.Open(sealed)
		if err != nil || !current || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d back, current %v, error %v", n, len(got), current, err)
		}
	}
	if once, again := k.Seal([]byte(payload)), k.Seal([]byte(payload)); once == again {
		t.Error("the same payload sealed twice gives the same token: the IV repeats")
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, after := ring(t, "", older), ring(t, "", secret, "between", older)
	tests := []struct {
		name    string
		sealed  string
		by      *token.Keyring
		opens   bool
		current bool
	}{
		{"old token, rotated ring", before.Seal([]byte(payload)), after, true, false},
		{"new token, rotated ring", after.Seal([]byte(payload)), after, true, true},
		{"new token, old ring", after.Seal([]byte(payload)), before, false, false},
		{"a previous secret in the middle", ring(t, "", "between").Seal([]byte(payload)), after, true, false},
		{"a stranger's token", ring(t, "", "stranger").Seal([]byte(payload)), after, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, current, err := tt.by.Open(tt.sealed)
			if (err == nil) != tt.opens || current != tt.current || tt.opens && string(got) != payload {
				t.Errorf("got %q, current %v, error %v", got, current, err)
			}
		})
	}
}

func TestPurposes(t *testing.T) {
	t.Parallel()
	salts := []string{"", "transaction", "next-auth.state", "Transaction", " "}
	for _, sealed := range salts {
		s := ring(t, sealed, secret).Seal([]byte(payload))
		for _, opened := range salts {
			_, _, err := ring(t, opened, secret).Open(s)
			if (err == nil) != (sealed == opened) {
				t.Errorf("sealed for %q, opened for %q: error %v", sealed, opened, err)
			}
		}
	}
}

// A token has one spelling: nothing that differs from it in any character opens.
func TestOneSpelling(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	for n := range 4 { // every remainder that base64 knows
		sealed := k.Seal([]byte(payload + strings.Repeat(" ", n)))
		refused := func(how, altered string) {
			t.Helper()
			if _, _, err := k.Open(altered); err != token.ErrInvalid {
				t.Errorf("%s opened: %q", how, altered)
			}
		}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		for i := range len(sealed) {
			if c := sealed[i]; c != '.' {
				refused("dot", sealed[:i]+"."+sealed[i+1:])
				// The neighbour in the alphabet differs in the lowest bit, which the
				// last character of a part may not carry.
				at := strings.IndexByte(alphabet, c)
				refused("neighbour", sealed[:i]+string(alphabet[at^1])+sealed[i+1:])
			}
			refused("missing character", sealed[:i]+sealed[i+1:])
			for _, c := range []string{"=", "\n", "\r", " ", "A", ".", "\x00"} {
				refused(fmt.Sprintf("added %q", c), sealed[:i]+c+sealed[i:])
			}
		}
		for _, c := range []string{"=", "==", "\n", "\r\n", " ", ".", "A"} {
			refused(fmt.Sprintf("%q at the end", c), sealed+c)
		}
		if other := strings.NewReplacer("-", "+", "_", "/").Replace(sealed); other != sealed {
			refused("other alphabet", other)
		}
	}
}

// The line breaks that Go's base64 decoder skips are most of all in the body.
func TestLineBreaksRefused(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	for _, c := range []string{"\n", "\r", "\r\n"} {
		parts := strings.Split(k.Seal([]byte(payload)), ".")
		parts[3] = parts[3][:8] + c + parts[3][8:]
		if _, _, err := k.Open(strings.Join(parts, ".")); err != token.ErrInvalid {
			t.Errorf("a body with %q opened", c)
		}
	}
}

// The decoder skips line breaks: an IV that ends in a zero byte must not open without it.
func TestLineBreaksRefused_InTheIV(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	for range 1 << 14 { // one of 256 will do
		parts := strings.Split(k.Seal([]byte(payload)), ".")
		iv, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		if iv[len(iv)-1] != 0 {
			continue
		}
		parts[2] = parts[2][:len(parts[2])-1] + "\n"
		if _, _, err := k.Open(strings.Join(parts, ".")); err != token.ErrInvalid {
			t.Error("a token without the last byte of its IV opened")
		}
		return
	}
	t.Error("no IV ends in a zero byte")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	k, key := ring(t, "", secret), sessionKey(t)
	tests := []struct {
		header string
		opens  bool
	}{
		{`{"alg":"dir","enc":"A256GCM"}`, true},
		{`{"enc":"A256GCM","alg":"dir"}`, true},
		{`{"alg":"dir","enc":"A256GCM","typ":"JWT"}`, true},
		{`{"alg":"dir","enc":"A256GCM","kid":"k1"}`, true},
		{`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`, false},
		{`{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1}`, false},
		{`{"alg":"dir","enc":"A256GCM","jwk":"x"}`, false},
		{`{"alg":"dir","enc":"A256GCM","p2c":1000000000}`, false},
		{`{"alg":"dir","enc":"A192GCM"}`, false},
		{`{"alg":"DIR","enc":"A256GCM"}`, false},
		{`{"alg":"none","enc":"A256GCM"}`, false},
		{`{"enc":"A256GCM"}`, false},
		{`{"alg":"dir"}`, false},
		{`{}`, false},
		{`null`, false},
		{`[]`, false},
		{`{"alg":"dir","enc":"A256GCM"`, false},
		{`{"alg":"dir","enc":"A256GCM","kid":"` + strings.Repeat("k", 600) + `"}`, false},
	}
	for _, tt := range tests {
		_, _, err := k.Open(sealUnder(t, key, tt.header, payload))
		if (err == nil) != tt.opens {
			t.Errorf("header %.80s: error %v", tt.header, err)
		}
	}
	// An authentic token whose header is no base64url, though it begins with a good one.
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"enc":"A256GCM","alg":"dir"}  `))
	for _, header := range []string{head + "!", head + "=", head + "A"} {
		if _, _, err := k.Open(sealUnderHead(t, key, header, payload)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("header %s: %v", header, err)
		}
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	longest := bytes.Repeat([]byte{'x'}, (token.MaxLength-100)/4*3)
	fits := k.Seal(longest)
	if len(fits) > token.MaxLength || len(fits) < token.MaxLength-64 {
		t.Fatalf("sealed to %d bytes, wanted just below %d", len(fits), token.MaxLength)
	}
	if _, _, err := k.Open(fits); err != nil {
		t.Errorf("%d bytes: %v", len(fits), err)
	}
	if over := k.Seal(append(longest, bytes.Repeat([]byte{'x'}, 64)...)); len(over) <= token.MaxLength {
		t.Errorf("sealed to %d bytes, wanted more than %d", len(over), token.MaxLength)
	} else if _, _, err := k.Open(over); err != token.ErrInvalid {
		t.Errorf("%d bytes opened", len(over))
	}
}

// A token of exactly MaxLength is looked at, and one that is a byte longer is not.
func TestLength_Bound(t *testing.T) {
	t.Parallel()
	k, key := ring(t, "", secret), sessionKey(t)
	met := map[int]bool{}
	for pad := range 4 {
		header := `{"alg":"dir","enc":"A256GCM","kid":"` + strings.Repeat("k", pad) + `"}`
		room := token.MaxLength - len(sealUnder(t, key, header, ""))
		for length := room*3/4 - 4; length < room*3/4+4; length++ {
			sealed := sealUnder(t, key, header, strings.Repeat("x", length))
			if _, _, err := k.Open(sealed); (err == nil) != (len(sealed) <= token.MaxLength) {
				t.Errorf("%d bytes: %v", len(sealed), err)
			}
			met[len(sealed)-token.MaxLength] = true
		}
	}
	if !met[0] || !met[1] {
		t.Errorf("met are %v", met)
	}
}

// Splitting at every dot would cost 16 MB for each million of them.
func TestDotsCostNothing(t *testing.T) {
	k := ring(t, "", secret)
	for _, bomb := range []string{strings.Repeat(".", 1_000_000), strings.Repeat(".", token.MaxLength)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := k.Open(bomb); err != token.ErrInvalid {
			t.Fatal("opened")
		}
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20 {
			t.Errorf("%d dots cost %d bytes", len(bomb), spent)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret, older)
	fromOlder := ring(t, "", older).Seal([]byte(payload))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				want := fmt.Sprintf("%d of %d", j, i)
				if got, current, err := k.Open(k.Seal([]byte(want))); err != nil || !current || string(got) != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
				if got, current, err := k.Open(fromOlder); err != nil || current || string(got) != payload {
					t.Errorf("got %q, current %v, %v", got, current, err)
				}
			}
		})
	}
	wg.Wait()
}

// The result of one Open must not change when the next reuses memory.
func TestPayloadsAreApart(t *testing.T) {
	t.Parallel()
	k := ring(t, "", secret)
	first, _, _ := k.Open(k.Seal([]byte("first")))
	_, _, _ = k.Open(k.Seal([]byte("other")))
	if string(first) != "first" {
		t.Errorf("the first payload became %q", first)
	}
}

func TestGoJoseOpensOurs(t *testing.T) {
	t.Parallel()
	sealed := ring(t, "", secret).Seal([]byte(payload))
	jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	got, err := jwe.Decrypt(sessionKey(t))
	if err != nil || string(got) != payload {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestGoJoseSealsForUs(t *testing.T) {
	t.Parallel()
	for _, typ := range []jose.ContentType{"", "JWT"} {
		options := &jose.EncrypterOptions{}
		if typ != "" {
			options.WithType(typ)
		}
		e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: sessionKey(t)}, options)
		if err != nil {
			t.Fatal(err)
		}
		jwe, err := e.Encrypt([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := jwe.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		got, current, err := ring(t, "", secret).Open(sealed)
		if err != nil || !current || string(got) != payload {
			t.Errorf("typ %q: got %q, %v", typ, got, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	v := readVectors(f).V4[0] // one token in all of the fuzzer's processes
	k := ring(f, v.Salt, v.Secret)
	sealed := v.Token
	payload, _, err := k.Open(sealed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add("")
	f.Add("....")
	f.Add(strings.Repeat(".", 100))
	f.Add(sealed[:len(sealed)-1])
	f.Add(strings.Replace(sealed, "..", ".x.", 1))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","typ":"JWT"}`)) + "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		got, current, err := k.Open(s)
		switch {
		case s == sealed:
			if err != nil || !current || !bytes.Equal(got, payload) {
				t.Fatalf("got %q, %v", got, err)
			}
		case err != token.ErrInvalid || got != nil || current:
			t.Fatalf("a forged token opened: %q", s)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	k := ring(b, "", secret)
	for _, n := range []int{300, 2500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			sealed := k.Seal(bytes.Repeat([]byte{'x'}, n))
			b.SetBytes(int64(len(sealed)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := k.Open(sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sessionKey is the key another implementation derived for session tokens.
func sessionKey(t testing.TB) []byte {
	t.Helper()
	for _, v := range readVectors(t).V4 {
		if v.Secret == secret && v.Salt == "" && v.KeyHex != "" {
			key, err := hex.DecodeString(v.KeyHex)
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
	}
	t.Fatal("no vector has the key")
	return nil
}
