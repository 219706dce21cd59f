package oauth

import (
	"net/http"
	"net/url"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// What a provider in a whole sign-in can hardly be made to do.

func TokenRequest(req *http.Request) (url.Values, string, error) { return tokenRequest(req) }

func TokenToHeader(req *http.Request) { tokenToHeader(req) }

func Strip(session string) (string, error) { return strip(session) }

func ReadConfig(p goth.Provider) (*oauth2.Config, error) { return readConfig(p) }

func ReadIssuer(p goth.Provider) (string, error) { return readIssuer(p) }

func ParseMaxAge(params url.Values) (*int64, error) { return parseMaxAge(params) }

func (tx *Transaction) CheckAuthTime(id Identity, openID bool, now time.Time) error {
	return tx.checkAuthTime(id, openID, now)
}
