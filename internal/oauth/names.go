package oauth

import (
	"strings"

	"github.com/markbates/goth"
)

// names are the services whose own spelling is not their id with a capital.
var names = map[string]string{
	"auth0": "Auth0", "azuread": "Microsoft", "azureadv2": "Microsoft", "battlenet": "Battle.net",
	"classlink": "ClassLink", "cloudfoundry": "Cloud Foundry", "digitalocean": "DigitalOcean",
	"eveonline": "EVE Online", "github": "GitHub", "gitlab": "GitLab", "gplus": "Google",
	"hubspot": "HubSpot", "influxcloud": "InfluxCloud", "line": "LINE", "linkedin": "LinkedIn",
	"microsoftonline": "Microsoft", "onedrive": "OneDrive", "openid-connect": "OpenID Connect",
	"paypal": "PayPal", "soundcloud": "SoundCloud", "vk": "VK", "wepay": "WePay",
}

// DisplayName is what a provider is called on a button.
func DisplayName(p goth.Provider, id string) string {
	if p, ok := p.(interface{ DisplayName() string }); ok {
		if name := p.DisplayName(); name != "" {
			return name
		}
	}
	if name, ok := names[id]; ok {
		return name
	}
	if id == "" {
		return ""
	}
	return strings.ToUpper(id[:1]) + id[1:]
}
