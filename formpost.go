package ginauth

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/cookie"
)

// maxBlindChunks is how many chunks of a former session are taken away unseen: as
// many as the longest one has, in base64 with what sealing adds.
const maxBlindChunks = (maxSealed + cookie.ChunkSize - 1) / cookie.ChunkSize

// formPosted reports that this is a provider's answer by POST. Of this browser's
// cookies it brings the transaction's alone: what the others say is not known, and
// none of them may be set anew.
func (v *visit) formPosted() bool {
	return v.c.Request.Method == http.MethodPost && v.provider != nil && v.provider.formPost != nil
}

// unseenSession are the cookies that a former session may have left in the browser.
// A chunk of it that stayed beside the new one would spoil both.
func (v *visit) unseenSession() cookie.Session {
	names := []string{v.names.Session + "="}
	for i := range maxBlindChunks {
		names = append(names, v.names.Session+"."+strconv.Itoa(i)+"=")
	}
	unseen := cookie.Find(names, v.names.Session)
	unseen.Doubled = false
	return unseen
}

// addPostedName gives a profile without a name the one of the posted form.
func (v *visit) addPostedName(profile *goth.User) {
	if !v.formPosted() || profile.Name != "" || profile.FirstName != "" || profile.LastName != "" {
		return
	}
	form := url.Values{}
	for name, value := range v.body {
		switch value := value.(type) {
		case string:
			form[name] = []string{value}
		case []string: // more than one: neither can be believed
			form[name] = value
		}
	}
	given, family := v.provider.formPost.PostedName(form)
	profile.FirstName, profile.LastName = given, family
	profile.Name = strings.TrimSpace(given + " " + family)
}
