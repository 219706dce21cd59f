package providers

var openIDRows = []row{}
