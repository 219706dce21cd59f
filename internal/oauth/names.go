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

// Color is that of the mark on a provider's button, #rrggbb, empty for a service
// that is not known. A provider that is not goth's own is known by its name, and
// then by the ID that the application gives it.
func Color(p goth.Provider, id string) string {
	if p, ok := p.(interface{ Color() string }); ok {
		if color := p.Color(); color != "" {
			return color
		}
	}
	if known := gothService(p); known.Color != "" {
		return known.Color
	}
	for _, name := range []string{p.Name(), id} {
		if known, ok := service.ByID(name); ok {
			return known.Color
		}
	}
	return ""
}

// Service is the ID of the service that a provider is of: by its type if goth made
// it, and else by its name.
func Service(p goth.Provider) string {
	if known := gothService(p); known.ID != "" {
		return known.ID
	}
	return p.Name()
}
