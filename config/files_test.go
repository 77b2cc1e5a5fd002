package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type pair struct{ cert, key string }

// makePair makes a self-signed certificate and its key, as PEM.
func makePair(t *testing.T) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}
}

func TestFileProblems(t *testing.T) {
	dir := t.TempDir()
	a, b := makePair(t), makePair(t)
	for name, content := range map[string]string{
		"a.crt": a.cert, "a.key": a.key, "b.key": b.key,
		"junk":     "hunter2\n",
		"broken":   "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
		"locked":   "-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"empty":    "\n",
		"password": "hunter2\n",
		"two":      "hunter2\nhunter3\n",
		"long":     strings.Repeat("hunter2", 10),
		"letters":  "hunter2",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	server := func(cert, key string) string { return "tls: {cert_file: " + cert + ", key_file: " + key + "}" }
	account := func(options string) string {
		return "carriers:\n- name: a\n  numbers: [12345]\n  smpp:\n    {hosts: ['a:1'], system_id: us, " + options + "}"
	}
	modem := func(options string) string {
		return "carriers:\n- name: a\n  numbers: [12345]\n  gsm:\n    {device: auto, " + options + "}"
	}
	for _, tt := range []struct{ name, yaml, want string }{
		{"right", server("a.crt", "a.key"), ""},
		{"certificate missing", server("none", "a.key"),
			"1: tls.cert_file: cannot be read: stat DIR/none: no such file or directory"},
		{"both missing", server("none", "none"),
			"1: tls.cert_file: cannot be read: stat DIR/none: no such file or directory\n" +
				"1: tls.key_file: cannot be read: stat DIR/none: no such file or directory"},
		{"certificate no PEM", server("junk", "a.key"), "1: tls.cert_file: names a file without a PEM certificate: DIR/junk"},
		{"certificate is a key", server("a.key", "a.key"), "1: tls.cert_file: names a file without a PEM certificate: DIR/a.key"},
		{"certificate broken", server("broken", "a.key"),
			"1: tls.cert_file: names a file with a broken certificate: DIR/broken: x509: malformed certificate"},
		{"key no PEM", server("a.crt", "junk"), "1: tls.key_file: names a file without a PEM private key: DIR/junk"},
		{"key encrypted", server("a.crt", "locked"), "1: tls.key_file: names a key that is encrypted with a passphrase: DIR/locked"},
		{"key of another", server("a.crt", "b.key"), "1: tls.key_file: does not fit DIR/a.crt: private key does not match public key"},
		{"folder", server("folder", "a.key"), "1: tls.cert_file: cannot be read: DIR/folder is no regular file"},

		{"smpp right", account("password_file: password, tls: {ca_file: a.crt, cert_file: a.crt, key_file: a.key}"), ""},
		{"smpp roots", account("password_file: password, tls: {ca_file: junk}"),
			"5: carriers[0].smpp.tls.ca_file: names a file without a PEM certificate: DIR/junk"},
		{"smpp pair", account("password_file: password, tls: {cert_file: a.crt, key_file: b.key}"),
			"5: carriers[0].smpp.tls.key_file: does not fit DIR/a.crt: private key does not match public key"},
		{"smpp no key", account("password_file: password, tls: {cert_file: a.crt}"),
			"5: carriers[0].smpp.tls.key_file: is missing beside cert_file"},
		{"smpp no certificate", account("password_file: password, tls: {key_file: a.key}"),
			"5: carriers[0].smpp.tls.cert_file: is missing beside key_file"},

		{"secret missing", account("password_file: none"),
			"5: carriers[0].smpp.password_file: cannot be read: stat DIR/none: no such file or directory"},
		{"secret empty", account("password_file: empty"),
			"5: carriers[0].smpp.password_file: names a file that is empty: DIR/empty"},
		{"secret of two lines", account("password_file: two"),
			"5: carriers[0].smpp.password_file: names a file whose content is wrong: it must be of printable ASCII characters, on one line"},
		{"secret too long", account("password_file: long"),
			"5: carriers[0].smpp.password_file: names a file whose content is wrong: it must have at most 64 characters"},
		{"secret given twice", account("password: hunter2, password_file: password"),
			"5: carriers[0].smpp.password_file: stands beside carriers[0].smpp.password, which is the same secret: give one of them"},
		{"no PIN", modem("pin_file: letters"),
			"5: carriers[0].gsm.pin_file: names a file whose content is wrong: it must be 4 to 8 digits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(filepath.Join(dir, "f.yaml"), []byte(tt.yaml), Options{Getenv: noEnv})
			got := ""
			if err != nil {
				got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/f.yaml:", ""), dir, "DIR")
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if strings.Contains(got, "hunter") {
				t.Error("a secret is shown")
			}
			_, err = Parse(filepath.Join(dir, "f.yaml"), []byte(tt.yaml), Options{Getenv: noEnv, SkipFiles: true})
			if err != nil && strings.Contains(err.Error(), "file ") {
				t.Errorf("files were opened: %v", err)
			}
		})
	}
}

func TestCredentialsDirectory(t *testing.T) {
	etc, credentials := t.TempDir(), t.TempDir()
	write(t, filepath.Join(etc, "password"), "etc")
	write(t, filepath.Join(credentials, "password"), "credentials")
	for _, tt := range []struct{ name, file, directory, want string }{
		{"relative", "password", credentials, "credentials"},
		{"relative without systemd", "password", "", "etc"},
		{"absolute", filepath.Join(etc, "password"), credentials, "etc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			yaml := "carriers: [{name: a, numbers: [12345], smpp: {hosts: ['a:1'], system_id: us, password_file: " + tt.file + "}}]"
			getenv := func(name string) string {
				if name == "CREDENTIALS_DIRECTORY" {
					return tt.directory
				}
				return ""
			}
			c, err := Parse(filepath.Join(etc, "smsbridge.yaml"), []byte(yaml), Options{Getenv: getenv})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Carriers[0].SMPP.Password; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
