package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestListProviders(t *testing.T) {
	t.Parallel()
	var out, diagnostics bytes.Buffer
	if status := listProviders(nil, &out, &diagnostics); status != 0 || !strings.Contains(out.String(), "github ") || !strings.Contains(out.String(), "left out: ") {
		t.Errorf("status %d, %s%s", status, out.String(), diagnostics.String())
	}
	out.Reset()
	if status := listProviders([]string{"github", "medium"}, &out, &diagnostics); status != 0 || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("status %d, %s", status, out.String())
	}
	if status := listProviders([]string{"githib"}, &out, &diagnostics); status != 2 || !strings.Contains(diagnostics.String(), `no service has the id "githib"`) {
		t.Errorf("status %d, %s", status, diagnostics.String())
	}
	out.Reset()
	// What has no address of its own is asked nothing.
	if status := listProviders([]string{"-probe", "keycloak", "steam", "medium"}, &out, &diagnostics); status != 0 || strings.Count(out.String(), "not asked") != 2 {
		t.Errorf("status %d, %s", status, out.String())
	}
}
