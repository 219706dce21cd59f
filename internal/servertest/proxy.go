package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Nginx starts an nginx with a file of the kind that stands in /etc/nginx/conf.d. config
// writes it for an address to listen at, such as 127.0.0.1:8443.
func Nginx(t testing.TB, config func(listen string) string) *Server {
	t.Helper()
	binary := find(t, "nginx")
	user := ""
	if os.Getuid() == 0 { // so that its workers reach the test's socket
		user = "user root;"
	}
	return begin(t, t.TempDir(), func(dir string, port int) *exec.Cmd {
		file := filepath.Join(dir, "nginx.conf")
		write(t, file, fmt.Sprintf(`%s
daemon off;
worker_processes 1;
pid %s/nginx.pid;
error_log stderr info;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	%[3]s
}
`, user, dir, config(loopbackPort(port))))
		return exec.Command(binary, "-p", dir, "-c", file, "-e", "stderr")
	})
}

// HAProxy starts an HAProxy with a whole configuration. config writes it for an address
// to listen at.
func HAProxy(t testing.TB, config func(listen string) string) *Server {
	t.Helper()
	binary := find(t, "haproxy")
	return begin(t, t.TempDir(), func(dir string, port int) *exec.Cmd {
		file := filepath.Join(dir, "haproxy.cfg")
		write(t, file, config(loopbackPort(port)))
		return exec.Command(binary, "-db", "-f", file)
	})
}

func loopbackPort(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Output is what the server has written so far, of a server that has stopped.
func (s *Server) Output() string { return s.output.String() }

// A Certificate is one for a server, and the authority that signed it.
type Certificate struct {
	CertFile, KeyFile string // in PEM
	BothFile          string // the two in one file
	Authority         *x509.CertPool
}

// Certify makes a certificate authority and has it sign a certificate for a host.
func Certify(t testing.TB, host string) Certificate {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "servertest"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		DNSNames: []string{host}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	sign := func(made *x509.Certificate, of, by *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, made, authority, &of.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	root, leaf := key(), key()
	ca, err := x509.ParseCertificate(sign(authority, root, root))
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(leaf)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sign(server, leaf, root)}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	dir := t.TempDir()
	c := Certificate{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), BothFile: filepath.Join(dir, "both.pem"),
		Authority: x509.NewCertPool(),
	}
	write(t, c.CertFile, certPEM)
	write(t, c.KeyFile, keyPEM)
	write(t, c.BothFile, certPEM+keyPEM)
	c.Authority.AddCert(ca)
	return c
}
