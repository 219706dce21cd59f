package oauth

import "net/url"

// The parameters of a sign-in that another site asks for (OpenID Connect Core §4).
const (
	startIssuer = "iss"
	startHint   = "login_hint"
	startTarget = "target_link_uri"
)

// StartsElsewhere reports whether a query asks for a sign-in as another site does.
func StartsElsewhere(query url.Values) bool { return query.Has(startIssuer) }

// PostedStart is the query that asks for what another site's form asks for.
func PostedStart(form map[string]any) url.Values {
	query := url.Values{}
	for _, name := range []string{startIssuer, startHint, startTarget} {
		switch value := form[name].(type) {
		case string:
			query.Set(name, value)
		case []string:
			query[name] = value
		}
	}
	return query
}

// OneStart reports whether a query names one issuer, and each other parameter once.
func OneStart(query url.Values) bool {
	return len(query[startIssuer]) == 1 && len(query[startHint]) <= 1 && len(query[startTarget]) <= 1
}

// StartTarget is the page that another site wants the person led to; "" for none.
func StartTarget(query url.Values) string { return query.Get(startTarget) }

// StartHint is what another site may tell the provider: who it thinks the person is.
func StartHint(query url.Values) url.Values {
	hint := url.Values{}
	if text := query.Get(startHint); text != "" {
		hint.Set(startHint, text)
	}
	return hint
}
