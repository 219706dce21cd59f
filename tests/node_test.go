package tests

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/token"
)

// Of these tests the oracles are the parsers of Node.js and of npm's jose and cookie,
// which next-auth reads with too.

// askNode puts questions to providers/testdata/witness/parsers.mjs.
func askNode(t *testing.T, questions []map[string]any) []json.RawMessage {
	t.Helper()
	folder := filepath.Join("..", "providers", "testdata", "witness")
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm --prefix providers/testdata/witness ci has not run")
		}
		t.Skip("npm --prefix providers/testdata/witness ci has not run")
	}
	var input, stderr bytes.Buffer
	for _, question := range questions {
		line, err := json.Marshal(question)
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command("node", filepath.Join(folder, "parsers.mjs"))
	cmd.Stdin, cmd.Stderr = &input, &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var answers []json.RawMessage
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer struct{ Found json.RawMessage }
		decode(t, lines.Text(), &answer)
		answers = append(answers, answer.Found)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions: %s", len(answers), len(questions), stderr.String())
	}
	return answers
}

// A writer makes texts out of pieces, the same ones for the same seed.
type writer struct{ *rand.Rand }

func newWriter(seed uint64) writer { return writer{rand.New(rand.NewPCG(seed, 14))} }

func (w writer) of(pieces []string, most int) string {
	var b strings.Builder
	for range 1 + w.IntN(most) {
		b.WriteString(pieces[w.IntN(len(pieces))])
	}
	return b.String()
}

func TestNode_Cookies(t *testing.T) {
	t.Parallel()
	pieces := []string{"S", "S=", "S.0=", "s=", "=", ";", "; ", ";;", " ", "\t", ",", `"`, "%", "%41", "%7B", "%c3%a9", "%ff", "%zz", "%2", "+", "a", "bc", "é", "eyJ", ".", "\\", "&", "[1]"}
	w := newWriter(1)
	var questions []map[string]any
	for range 12000 {
		header := strings.ReplaceAll(w.of(pieces, 12), "S", sessionCookie)
		questions = append(questions, map[string]any{"kind": "cookie", "header": header, "name": sessionCookie})
	}
	compared := 0
	for i, found := range askNode(t, questions) {
		header, _ := questions[i]["header"].(string)
		ours, ok := cookie.Get([]string{header}, sessionCookie)
		if !ok || !utf8.ValidString(ours) { // of two, and of a broken escape, none is believed here
			continue
		}
		var theirs *string
		decode(t, string(found), &theirs)
		_, raw, _ := strings.Cut(header, sessionCookie+"=")
		if strings.HasPrefix(raw, `"`) || strings.TrimLeft(raw, " \t") != raw { // which npm takes away, and no browser sends
			continue
		}
		if compared++; theirs == nil || *theirs != ours {
			t.Errorf("%q: %q here, %s at npm", header, ours, found)
		}
	}
	if compared < 400 {
		t.Errorf("only %d were compared", compared)
	}
}

func TestNode_Forms(t *testing.T) {
	t.Parallel()
	var typed map[string]string
	engine := gin.New()
	if _, err := ginauth.Register(engine, ginauth.Options{
		Secret: testSecret, Limits: ginauth.Limits{Disabled: true}, Logger: (&logBuffer{}).logger(), BaseURL: "http://app.example",
		Providers: []ginauth.Provider{ginauth.Credentials{Authorize: func(_ *gin.Context, credentials map[string]string) (*ginauth.User, error) {
			typed = credentials
			return nil, nil
		}}},
	}); err != nil {
		t.Fatal(err)
	}
	csrfToken, pair := csrfPair(csrfCookie)
	pieces := []string{"username", "password", "a", "=", "=", "&", "&", "+", "%20", "%2B", "%26", "%3d", "%c3%a9", "%", "%zz", "%ff", ";", "é", " ", "[]", "%00", "#", "?", "\ufeff", "b=c"}
	w := newWriter(2)
	var questions []map[string]any
	for range 3000 {
		questions = append(questions, map[string]any{"kind": "form", "body": "csrfToken=" + csrfToken + "&" + w.of(pieces, 14)})
	}
	compared := 0
	for i, found := range askNode(t, questions) {
		body, _ := questions[i]["body"].(string)
		typed = nil
		req := httptest.NewRequest(http.MethodPost, "http://app.example/api/auth/callback/credentials", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", pair)
		engine.ServeHTTP(httptest.NewRecorder(), req)
		if typed == nil { // refused: a broken escape, or a semicolon
			if _, err := url.ParseQuery(body); err == nil {
				t.Errorf("%q is refused", body)
			}
			continue
		}
		var theirs [][2]string
		decode(t, string(found), &theirs)
		first := map[string]string{}
		for _, field := range theirs {
			if _, there := first[field[0]]; !there {
				first[field[0]] = field[1]
			}
		}
		valid := func(fields map[string]string) bool {
			for name, value := range fields {
				if !utf8.ValidString(name + value) {
					return false
				}
			}
			return true
		}
		if !valid(typed) { // Node.js puts U+FFFD there
			continue
		}
		if compared++; fmt.Sprint(typed) != fmt.Sprint(first) {
			t.Errorf("%q: %q here, %q in Node.js", body, typed, first)
		}
	}
	if compared < 500 {
		t.Errorf("only %d were compared", compared)
	}
}

func TestNode_Sessions(t *testing.T) {
	t.Parallel()
	key, err := hkdf.Key(sha256.New, []byte(testSecret), nil, "NextAuth.js Generated Encryption Key", 32)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.V4.Keyring("", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(3)
	headers := []map[string]any{
		nil, {"typ": "JWT"}, {"kid": "x"}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"alg": "A256KW"}, {"alg": "none"}, {"crit": []string{"exp"}}, {"b64": false}, {"p2c": 1}, {"typ": 1},
	}
	var questions []map[string]any
	var plain []bool // nothing in the header is refused here alone
	for i := range 2000 {
		header := headers[i%len(headers)]
		opts := &jose.EncrypterOptions{}
		for name, value := range header {
			if name == "typ" || name == "kid" || name == "b64" || name == "p2c" {
				opts.WithHeader(jose.HeaderKey(name), value)
			}
		}
		e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, opts)
		if err != nil {
			t.Fatal(err)
		}
		jwe, err := e.Encrypt([]byte(w.of([]string{"{", "}", `"sub":"1"`, "é", "\x00"}, 6)))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := jwe.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if head, _, _ := strings.Cut(sealed, "."); header["zip"] != nil || header["enc"] != nil || header["alg"] != nil || header["crit"] != nil {
			raw, err := json.Marshal(header)
			if err != nil {
				t.Fatal(err)
			}
			sealed = base64.RawURLEncoding.EncodeToString(raw) + strings.TrimPrefix(sealed, head)
		}
		if i%3 == 0 {
			b := []byte(sealed)
			b[w.IntN(len(b))] ^= 1 << w.IntN(2)
			sealed = string(b)
		}
		questions = append(questions, map[string]any{"kind": "jwe", "token": sealed, "key": base64.StdEncoding.EncodeToString(key), "enc": "A256GCM"})
		plain = append(plain, header == nil || header["typ"] == "JWT" || header["kid"] == "x")
	}
	both, neither := 0, 0
	for i, found := range askNode(t, questions) {
		sealed, _ := questions[i]["token"].(string)
		payload, _, err := ring.Open(sealed)
		var theirs *string
		decode(t, string(found), &theirs)
		switch {
		case err == nil && (theirs == nil || *theirs != base64.StdEncoding.EncodeToString(payload)):
			t.Errorf("%q opens as %q here, and as %s in jose", sealed, payload, found)
		case err != nil && theirs != nil && plain[i] && canonical(sealed):
			t.Errorf("%q opens in jose alone", sealed)
		case err == nil:
			both++
		case theirs == nil:
			neither++
		}
	}
	if both < 300 || neither < 300 {
		t.Errorf("both open %d, and neither %d", both, neither)
	}
}

// canonical reports whether each part of a token is base64url as it is written, without
// stray bits at its end, which Node.js ignores.
func canonical(compact string) bool {
	for part := range strings.SplitSeq(compact, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return true
}

func TestNode_HandedTokens(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256"}}}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(path string, value any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(value) })
	}
	answer("/.well-known/openid-configuration", map[string]any{
		"issuer": server.URL, "authorization_endpoint": server.URL + "/a", "token_endpoint": server.URL + "/t", "jwks_uri": server.URL + "/k",
		"id_token_signing_alg_values_supported": []string{"ES256"},
	})
	answer("/k", keys)
	client := &openid.Client{Issuer: server.URL, ClientID: "web"}
	w, now := newWriter(4), time.Now()
	at := func(d time.Duration) any { return now.Add(d).Unix() }
	type choices map[string][]any
	all := choices{
		"iss":   {server.URL, server.URL, server.URL, server.URL, server.URL + "/", "https://evil.example", nil, 7},
		"aud":   {"web", "ios", "web", []string{"web"}, []string{"web", "ios"}, "evil", []string{"evil"}, []string{}, nil, "", 7},
		"azp":   {nil, nil, nil, "web", "ios"},
		"sub":   {"ada", "ada", "ada", "ada", "", nil, 7},
		"exp":   {at(time.Hour), at(time.Hour), at(time.Hour), at(-time.Hour), nil, "tomorrow"},
		"iat":   {at(-time.Second), at(-time.Second), at(-4 * time.Minute), at(-10 * time.Minute), at(time.Hour), nil, "now"},
		"nbf":   {nil, nil, nil, nil, at(-time.Hour), at(time.Hour)},
		"nonce": {"n", "n", "n", "n", nil},
	}
	names := []string{"iss", "aud", "azp", "sub", "exp", "iat", "nbf", "nonce"}
	var questions []map[string]any
	var drawn []map[string]any
	for range 3000 {
		claims := map[string]any{}
		for _, name := range names {
			options := all[name]
			pick := options[0]
			if w.IntN(4) == 0 {
				pick = options[w.IntN(len(options))]
			}
			if pick != nil {
				claims[name] = pick
			}
		}
		signing := jose.JSONWebKey{Key: key, KeyID: "k"}
		if w.IntN(10) == 0 {
			signing = jose.JSONWebKey{Key: stranger, KeyID: "k"}
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: signing}, (&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if w.IntN(10) == 0 { // alg none, by hand
			raw = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + raw[strings.IndexByte(raw, '.'):strings.LastIndexByte(raw, '.')+1]
		}
		questions = append(questions, map[string]any{"kind": "idtoken", "token": raw, "keys": keys, "issuer": server.URL, "audiences": []string{"web", "ios"}})
		drawn = append(drawn, claims)
	}
	both, neither := 0, 0
	for i, found := range askNode(t, questions) {
		raw, _ := questions[i]["token"].(string)
		verified, err := client.VerifyHanded(context.Background(), raw, "n", "", openid.Parties{Audiences: []string{"ios"}, Presenters: []string{"ios"}})
		var theirs *string
		_ = json.Unmarshal(found, &theirs) // a sub that is a number is none
		// What jose leaves to its caller: several audiences need azp, all of which are ours, and
		// sub is a text that is not empty.
		audiences, _ := drawn[i]["aud"].([]string)
		left := drawn[i]["sub"] == "" || drawn[i]["sub"] == 7 || len(audiences) > 1 && drawn[i]["azp"] == nil || len(audiences) == 0 && drawn[i]["aud"] == nil ||
			drawn[i]["azp"] == "web" && !slices.Contains(audiences, "web") && drawn[i]["aud"] != "web"
		switch {
		case err == nil && (theirs == nil || *theirs != verified.Subject):
			t.Errorf("%v passes here, and jose says %s", drawn[i], found)
		case err != nil && theirs != nil && !left:
			t.Errorf("%v passes in jose alone: %v", drawn[i], err)
		case err == nil:
			both++
		case theirs == nil:
			neither++
		}
	}
	if both < 300 || neither < 300 {
		t.Errorf("both take %d, and neither %d", both, neither)
	}
}
