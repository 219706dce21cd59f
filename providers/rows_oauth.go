package providers

var oauthRows = []row{}
