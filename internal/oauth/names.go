package oauth

import (
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/service"
)

// DisplayName is what a provider is called on a button.
func DisplayName(p goth.Provider, id string) string {
	if p, ok := p.(interface{ DisplayName() string }); ok {
		if name := p.DisplayName(); name != "" {
			return name
		}
	}
	if known := gothService(p); known.Name != "" {
		return known.Name
	}
	if known, ok := service.ByID(id); ok {
		return known.Name
	}
	if id == "" {
		return ""
	}
	return strings.ToUpper(id[:1]) + id[1:]
}
