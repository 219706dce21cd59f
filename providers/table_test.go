package providers_test

import (
	"testing"
)

func checkTable(t *testing.T) {}
