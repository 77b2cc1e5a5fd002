package smpp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority issues the certificates of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "ca"},
	})
	return a
}

// issue writes name.pem and name.key.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		a.file(name + ".pem"): {Type: "CERTIFICATE", Bytes: der},
		a.file(name + ".key"): {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// listenTLS demands a certificate of the client.
func (a *authority) listenTLS() net.Listener {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.file("server.pem"), a.file("server.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	l := tls.NewListener(listen(a.t), &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	a.t.Cleanup(func() { l.Close() })
	return l
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", &x509.Certificate{DNSNames: []string{"smsc.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.issue("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	l := a.listenTLS()
	cfg := testConfig()
	cfg.TLS = &TLSConfig{
		CAFile: a.file("ca.pem"), CertFile: a.file("client.pem"), KeyFile: a.file("client.key"), ServerName: "smsc.example",
	}
	r := newRecorder(t, 10)
	c := dial(cfg, l, r.handler())
	p := accept(t, l)
	p.header(CmdBindTransceiverResp, ESME_ROK, p.expect(CmdBindTransceiver).Sequence)
	d := receive(t, c)
	if d.err != nil {
		t.Fatal(d.err)
	}
	d.s.TrySubmit(sampleMessage(), 1)
	p.accepted(p.expect(CmdSubmitSM), "id")
	if got := r.result(); got.MessageID != "id" {
		t.Errorf("got %+v", got)
	}
	closeGently(t, d.s, p)
}

func TestTLSRefused(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", &x509.Certificate{DNSNames: []string{"smsc.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err := os.WriteFile(a.file("empty.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		tls  TLSConfig
	}{
		{"another name", TLSConfig{CAFile: a.file("ca.pem")}},
		{"an unknown authority", TLSConfig{ServerName: "smsc.example"}},
		{"no certificate of ours", TLSConfig{CAFile: a.file("ca.pem"), ServerName: "smsc.example"}},
		{"a file that is not there", TLSConfig{CAFile: a.file("none.pem")}},
		{"an empty file", TLSConfig{CAFile: a.file("empty.pem")}},
		{"a certificate without key", TLSConfig{CertFile: a.file("server.pem")}},
	}
	for _, c := range cases {
		l := a.listenTLS()
		cfg := testConfig()
		cfg.TLS = &c.tls
		done := dial(cfg, l, Handler{})
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			defer conn.Close()
			_ = conn.(*tls.Conn).Handshake()
		}()
		if d := receive(t, done); d.err == nil {
			t.Errorf("%s: bound", c.name)
		}
		<-served
	}
}

func TestTLSHandshakeTimeout(t *testing.T) {
	l := listen(t)
	cfg := testConfig()
	cfg.TLS, cfg.BindTimeout = &TLSConfig{}, 50*time.Millisecond
	c := dial(cfg, l, Handler{})
	p := accept(t, l)
	if d := receive(t, c); !errors.Is(d.err, context.DeadlineExceeded) {
		t.Errorf("got %v", d.err)
	}
	p.expectEnd()
}
