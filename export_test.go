package ginauth

// ReadIDToken reads an id_token for the fuzzer.
func ReadIDToken(raw string) (issuer, subject, session string) {
	n := readIDToken(raw)
	return n.Issuer, n.Subject, n.Session
}
