package steam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/internal/fetch"
	flow "github.com/ginauth/ginauth/internal/oauth"
)

const (
	endpoint   = "https://steamcommunity.com/openid/login"
	summaries  = "https://api.steampowered.com/ISteamUser/GetPlayerSummaries/v0002/"
	protocol   = "http://specs.openid.net/auth/2.0"
	selectAny  = protocol + "/identifier_select"
	nonceTime  = "2006-01-02T15:04:05Z"
	nonceRange = flow.Lifetime // an assertion is as old as its sign-in at most
)

// subject is an identifier of Steam's (OpenID Authentication 2.0 §11.5).
var subject = regexp.MustCompile(`^https://steamcommunity\.com/openid/id/([1-9][0-9]{0,19})$`)

// AuthCodeURL returns where to send the browser (OpenID Authentication 2.0 §9.1).
// state stands in the address to return to, which the assertion covers.
func (p *Provider) AuthCodeURL(_ context.Context, redirectURL, state, _ string, _ ...oauth2.AuthCodeOption) (string, error) {
	if err := p.Validate(); err != nil {
		return "", err
	}
	to, realm, err := returnTo(redirectURL, state)
	if err != nil {
		return "", err
	}
	return endpoint + "?" + url.Values{
		"openid.ns": {protocol}, "openid.mode": {"checkid_setup"}, "openid.return_to": {to}, "openid.realm": {realm},
		"openid.identity": {selectAny}, "openid.claimed_id": {selectAny},
	}.Encode(), nil
}

// returnTo is the address that Steam leads back to, and the site's.
func returnTo(redirectURL, state string) (to, realm string, err error) {
	u, err := url.Parse(redirectURL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || state == "" {
		return "", "", errors.New("steam: a sign-in needs a redirect URL without a query, and a state")
	}
	return redirectURL + "?" + url.Values{"state": {state}}.Encode(), u.Scheme + "://" + u.Host, nil
}

// ReadAnswer verifies an assertion (OpenID Authentication 2.0 §11): it is a positive
// one of Steam's own endpoint, for this very address and state, and covers what is
// read of it; and Steam says that it made it. Name and picture are an extra.
func (p *Provider) ReadAnswer(ctx context.Context, redirectURL, state string, said url.Values) (goth.User, error) {
	if err := p.Validate(); err != nil {
		return goth.User{}, err
	}
	to, _, err := returnTo(redirectURL, state)
	if err != nil {
		return goth.User{}, err
	}
	id, err := assertion(said, to, time.Now())
	if err != nil {
		return goth.User{}, fmt.Errorf("steam: the assertion %w", err)
	}
	if err := p.confirm(ctx, said); err != nil {
		return goth.User{}, fmt.Errorf("steam: %w", flow.Redact(err, p.apiKey))
	}
	user := goth.User{UserID: id, Provider: p.Name(), RawData: map[string]any{"steamid": id}}
	if summary, err := p.summary(ctx, id); err != nil {
		flow.Leave(ctx, "the name and the picture", flow.Redact(err, p.apiKey))
	} else {
		user.RawData, user.Name, user.AvatarURL = summary, text(summary, "personaname"), text(summary, "avatarfull")
		user.NickName = user.Name
	}
	return user, nil
}

// covered are the fields that the signature must cover (§10.1).
var covered = []string{"op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle"}

// assertion checks what an assertion says, and returns the SteamID in it. That Steam
// made it is not known by then.
func assertion(answer url.Values, to string, now time.Time) (string, error) {
	field := func(name string) string {
		if list := answer["openid."+name]; len(list) == 1 {
			return list[0]
		}
		return ""
	}
	switch {
	case field("ns") != protocol:
		return "", errors.New("is of no OpenID 2.0")
	case field("mode") == "cancel":
		return "", errors.New("says that the person declined")
	case field("mode") != "id_res":
		return "", errors.New("is not a positive one")
	case field("op_endpoint") != endpoint:
		return "", errors.New("is of another endpoint")
	case field("return_to") != to:
		return "", errors.New("is for another sign-in")
	case field("claimed_id") != field("identity"):
		return "", errors.New("names two people")
	}
	signed := strings.Split(field("signed"), ",")
	for _, name := range covered {
		if !slices.Contains(signed, name) {
			return "", fmt.Errorf("does not cover %s", name)
		}
	}
	nonce := field("response_nonce")
	if len(nonce) < len(nonceTime) {
		return "", errors.New("has no response nonce")
	}
	made, err := time.Parse(nonceTime, nonce[:len(nonceTime)])
	if err != nil || made.Before(now.Add(-nonceRange)) || made.After(now.Add(nonceRange)) {
		return "", errors.New("was not made just now")
	}
	match := subject.FindStringSubmatch(field("claimed_id"))
	if match == nil {
		return "", errors.New("names nobody at Steam")
	}
	return match[1], nil
}

// confirm asks Steam whether it made the assertion (§11.4.2). Steam confirms each
// once, so that none can be used again.
func (p *Provider) confirm(ctx context.Context, answer url.Values) error {
	form := url.Values{}
	for name, list := range answer {
		if strings.HasPrefix(name, "openid.") && len(list) == 1 {
			form[name] = list
		}
	}
	form.Set("openid.mode", "check_authentication")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := read(ctx, req)
	if err != nil {
		return err
	}
	said := map[string][]string{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			said[name] = append(said[name], value)
		}
	}
	if !slices.Equal(said["is_valid"], []string{"true"}) || !slices.Equal(said["ns"], []string{protocol}) {
		return errors.New("the service does not confirm the assertion")
	}
	return nil
}

// summary reads a person's name and picture.
func (p *Provider) summary(ctx context.Context, id string) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, summaries+"?"+url.Values{"key": {p.apiKey}, "steamids": {id}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	body, err := read(ctx, req)
	if err != nil {
		return nil, err
	}
	v, err := answer.Decode(body)
	if err != nil {
		return nil, err
	}
	player, ok := answer.Find(v, "response.players.0").(map[string]any)
	if !ok || text(player, "steamid") != id {
		return nil, errors.New("the answer is of another person")
	}
	return player, nil
}

func text(v map[string]any, name string) string { return answer.Text(v, name) }

func read(ctx context.Context, req *http.Request) ([]byte, error) {
	res, err := fetch.From(ctx).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service answered %d", res.StatusCode)
	}
	return io.ReadAll(res.Body)
}
