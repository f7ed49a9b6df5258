package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// lifetime of the certificates: longer than any laptop fleet is kept.
const lifetime = 10 * 365 * 24 * time.Hour

// pki is a cluster's own certificate authority and what it has signed, as
// files in one folder. It is made once and kept across restarts.
type pki struct{ dir string }

func (p pki) path(name string) string { return filepath.Join(p.dir, name) }

// openPKI returns the authority of dir and makes it first if there is none;
// its server may be called by loopback addresses and by address.
func openPKI(dir, address string) (pki, error) {
	p := pki{dir}
	// ca.crt is written last: where it is, everything is.
	_, err := os.Stat(p.path("ca.crt"))
	if errors.Is(err, fs.ErrNotExist) {
		return p, p.create(net.ParseIP(address))
	}
	return p, err
}

func (p pki) create(address net.IP) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "local-apiserver-ca"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	caDER, err := sign(ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return err
	}

	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "local-apiserver"},
		DNSNames: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		// The last one is the Service "kubernetes", the first of --service-cluster-ip-range.
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, address, net.IPv4(10, 96, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	// RSA: the Kubernetes client that Flink ships reads no EC client key.
	adminKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	admin := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "local-admin", Organization: []string{"system:masters"}},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	accountKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}

	for _, leaf := range []struct {
		name     string
		template *x509.Certificate
		key      crypto.Signer
	}{{"server", server, serverKey}, {"admin", admin, adminKey}} {
		der, err := sign(leaf.template, ca, leaf.key.Public(), caKey)
		if err != nil {
			return err
		}
		if err := errors.Join(p.writeKey(leaf.name+".key", leaf.key), p.writePEM(leaf.name+".crt", "CERTIFICATE", der)); err != nil {
			return err
		}
	}
	// The controller manager signs certificates with ca.key.
	if err := errors.Join(p.writeKey("service-account.key", accountKey), p.writeKey("ca.key", caKey)); err != nil {
		return err
	}
	return p.writePEM("ca.crt", "CERTIFICATE", caDER)
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(lifetime)
	return x509.CreateCertificate(rand.Reader, template, parent, public, by)
}

func (p pki) writeKey(name string, key crypto.Signer) error {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return p.writePEM(name, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return err
		}
		return p.writePEM(name, "EC PRIVATE KEY", der)
	default:
		return fmt.Errorf("no PEM form for a key of type %T", key)
	}
}

func (p pki) writePEM(name, kind string, der []byte) error {
	return os.WriteFile(p.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// writeKubeconfig writes DIR/kubeconfig for the server.
func (p pki) writeKubeconfig(name string, at endpoint) error {
	var encoded [3]string
	for i, file := range []string{"ca.crt", "admin.crt", "admin.key"} {
		content, err := os.ReadFile(p.path(file))
		if err != nil {
			return err
		}
		encoded[i] = base64.StdEncoding.EncodeToString(content)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, `apiVersion: v1
kind: Config
clusters:
- name: %[1]q
  cluster:
    server: https://%[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]q
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
contexts:
- name: %[1]q
  context:
    cluster: %[1]q
    user: %[1]q
current-context: %[1]q
`, name, net.JoinHostPort(at.address, strconv.Itoa(at.port)), encoded[0], encoded[1], encoded[2])
	// Renamed into place: a reader sees the old file or the new one, never half of it.
	part := p.path("kubeconfig.part")
	if err := os.WriteFile(part, text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(part, p.path("kubeconfig"))
}
