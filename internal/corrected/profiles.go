package corrected

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/oauth"
)

// discordProfile makes the picture's address. A person without one has one of
// six that Discord draws, by the account number.
func discordProfile(body map[string]any) (goth.User, bool) {
	id := answer.Text(body, "id")
	user := goth.User{
		UserID: id, Name: answer.Text(body, "global_name|username"), NickName: answer.Text(body, "username"),
		Email: answer.Text(body, "email"), RawData: body,
	}
	switch avatar := answer.Text(body, "avatar"); {
	case strings.HasPrefix(avatar, "a_"):
		user.AvatarURL = "https://cdn.discordapp.com/avatars/" + url.PathEscape(id) + "/" + url.PathEscape(avatar) + ".gif"
	case avatar != "":
		user.AvatarURL = "https://cdn.discordapp.com/avatars/" + url.PathEscape(id) + "/" + url.PathEscape(avatar) + ".png"
	default:
		drawn := uint64(0)
		if tag, err := strconv.ParseUint(answer.Text(body, "discriminator"), 10, 16); err == nil && tag > 0 {
			drawn = tag % 5
		} else if number, err := strconv.ParseUint(id, 10, 64); err == nil {
			drawn = number >> 22 % 6
		}
		user.AvatarURL = "https://cdn.discordapp.com/embed/avatars/" + strconv.FormatUint(drawn, 10) + ".png"
	}
	return user, answer.True(body, "verified")
}

// yandexProfile leaves out the picture of a person who has none: Yandex gives one
// placeholder an ID all the same.
func yandexProfile(body map[string]any) (goth.User, bool) {
	user := goth.User{
		UserID: answer.Text(body, "id"), Name: answer.Text(body, "real_name|display_name|first_name"), NickName: answer.Text(body, "login"),
		Email: answer.Text(body, "default_email|emails.0"), RawData: body,
	}
	if avatar := answer.Text(body, "default_avatar_id"); avatar != "" && !answer.True(body, "is_avatar_empty") {
		// The ID has a slash in it.
		user.AvatarURL = "https://avatars.yandex.net/get-yapic/" + strings.ReplaceAll(url.PathEscape(avatar), "%2F", "/") + "/islands-200"
	}
	return user, false
}

const (
	eveHost     = "https://login.eveonline.com"
	eveMetadata = eveHost + "/.well-known/oauth-authorization-server"
)

var eveSubject = regexp.MustCompile(`^CHARACTER:EVE:([1-9][0-9]*)$`)

// withUserInfo gives a Config the request that needs its client id.
func withUserInfo(id string, c oauth.Config) oauth.Config {
	clientID, clientSecret, profile := c.ClientID, c.ClientSecret, c.UserInfoURL
	switch id {
	case "eveonline":
		c.UserInfo = func(ctx context.Context, client *http.Client, token *oauth2.Token) (map[string]any, error) {
			return eveClaims(ctx, client, clientID, token.AccessToken)
		}
	case "line":
		c.UserInfo = func(ctx context.Context, client *http.Client, token *oauth2.Token) (map[string]any, error) {
			body, err := getJSON(ctx, client, profile, token.AccessToken)
			if err != nil {
				return nil, err
			}
			if address := lineAddress(token, clientID, clientSecret, answer.Text(body, "userId")); address != "" {
				body["email"] = address
			}
			return body, nil
		}
	}
	return c
}

// getJSON reads an object that the service answers to an access token.
func getJSON(ctx context.Context, client *http.Client, target, accessToken string) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+accessToken)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, redact.Told(nil, "oauth: the service%s answered %d", redact.Missing(res), res.StatusCode)
	}
	v, err := answer.Decode(raw)
	if err != nil {
		return nil, err
	}
	body, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the answer is not a JSON object")
	}
	return body, nil
}

// lineAddress reads the address, which stands in the id_token alone. It is an
// extra: an id_token that is not LINE's, for this client and this person, has none.
// LINE signs with the client secret (HS256).
func lineAddress(token *oauth2.Token, clientID, clientSecret, subject string) string {
	raw, _ := token.Extra("id_token").(string)
	signed, signature, ok := cutLast(raw, ".")
	head, payload, two := strings.Cut(signed, ".")
	if !ok || !two {
		return ""
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expiry   int64  `json:"exp"`
		Email    string `json:"email"`
	}
	if decodePart(head, &header) != nil || decodePart(payload, &claims) != nil || header.Algorithm != "HS256" {
		return ""
	}
	given, err := base64.RawURLEncoding.DecodeString(signature)
	mac := hmac.New(sha256.New, []byte(clientSecret))
	_, _ = mac.Write([]byte(signed))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return ""
	}
	if claims.Issuer != "https://access.line.me" || claims.Audience != clientID || claims.Subject == "" || claims.Subject != subject || claims.Expiry < time.Now().Unix() {
		return ""
	}
	return claims.Email
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func decodePart(part string, to any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// eveClaims verifies the access token, a JWT that says who somebody is: there is
// no profile endpoint. Signature, issuer, audience and expiry must hold, and the
// client must be the one that asked: the audience "EVE Online" is every client's.
func eveClaims(ctx context.Context, client *http.Client, clientID, token string) (map[string]any, error) {
	keys, err := eveKeys(ctx, client)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, client)
	verifier := oidc.NewVerifier("", oidc.NewRemoteKeySet(ctx, keys), &oidc.Config{
		ClientID: clientID, SkipIssuerCheck: true, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, errors.New("the access token does not verify")
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return nil, errors.New("the access token has no claims")
	}
	switch {
	case verified.Issuer != "login.eveonline.com" && verified.Issuer != eveHost && verified.Issuer != eveHost+"/":
		return nil, errors.New("the access token has another issuer")
	case !slices.Contains(verified.Audience, "EVE Online"):
		return nil, errors.New("the access token is for another audience")
	}
	return claims, nil
}

// eveKeys asks the service's metadata (RFC 8414) for its keys, which must be its
// own.
func eveKeys(ctx context.Context, client *http.Client) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, eveMetadata, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var metadata struct {
		JWKS string `json:"jwks_uri"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&metadata) != nil {
		return "", errors.New("the service's metadata does not come")
	}
	if !strings.HasPrefix(metadata.JWKS, eveHost+"/") {
		return "", errors.New("the service's metadata leads to keys of another host")
	}
	return metadata.JWKS, nil
}

func eveProfile(claims map[string]any) (goth.User, bool) {
	character := eveSubject.FindStringSubmatch(answer.Text(claims, "sub"))
	if character == nil {
		return goth.User{}, false
	}
	return goth.User{
		UserID: character[1], Name: answer.Text(claims, "name"), RawData: claims,
		AvatarURL: "https://images.evetech.net/characters/" + character[1] + "/portrait",
	}, false
}
