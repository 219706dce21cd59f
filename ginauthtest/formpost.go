package ginauthtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/net/html"
)

// formPost is the response mode in which the answer is a form that the browser
// posts to the client (OAuth 2.0 Form Post Response Mode 1.0).
const formPost = "form_post"

// formPostID marks the form among the provider's pages.
const formPostID = "form-post"

const formPostScript = `document.getElementById("` + formPostID + `").submit()`

var (
	formPostTemplate = template.Must(template.New("form_post").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>You return to the site</title>
</head>
<body>
<form id="` + formPostID + `" method="post" action="{{.Action}}">
{{- range .Fields}}
<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{- end}}
<noscript><button>Go on</button></noscript>
</form>
<script>` + formPostScript + `</script>
</body>
</html>
`))
	formPostPolicy = "default-src 'none'; script-src '" + scriptHash(formPostScript) + "'; base-uri 'none'; frame-ancestors 'none'"
)

func scriptHash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// showFormPost answers the form, which submits itself (§2).
func showFormPost(w http.ResponseWriter, redirectURI string, answer url.Values) {
	var shown struct {
		Action string
		Fields []field
	}
	shown.Action = redirectURI
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		for _, value := range answer[name] {
			shown.Fields = append(shown.Fields, field{name, value})
		}
	}
	var body bytes.Buffer
	if err := formPostTemplate.Execute(&body, shown); err != nil {
		http.Error(w, fmt.Sprintf("ginauthtest: page: %v", err), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", formPostPolicy)
	// Its Origin goes with the form, which no-referrer would make "null".
	header.Set("Referrer-Policy", "origin")
	header.Set("X-Frame-Options", "DENY")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body.Bytes()) // the browser is gone: nobody is left to tell
}

// readFormPost finds the form in a page as a browser would, action empty if the
// page is another.
func readFormPost(page []byte) (action string, form url.Values, err error) {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return "", nil, fmt.Errorf("ginauthtest: sign-in page: %w", err)
	}
	form = url.Values{}
	for node := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range node.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case node.Type != html.ElementNode:
		case node.Data == "form" && attributes["id"] == formPostID:
			action = attributes["action"]
		case node.Data == "input" && action != "":
			form.Add(attributes["name"], attributes["value"])
		}
	}
	return action, form, nil
}
