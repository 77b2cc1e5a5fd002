package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"smsbridge/smpp"
)

// files resolves the _file options of a section, and reads the secrets in them.
func (d *decoder) files(v reflect.Value, fields map[string]int, path string) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		file := v.Field(i)
		p := join(path, name)
		if !strings.HasSuffix(name, "_file") || file.String() == "" || d.bad[p] {
			continue
		}
		if !filepath.IsAbs(file.String()) {
			file.SetString(filepath.Join(d.fileRoot, file.String()))
		}
		name = strings.TrimSuffix(name, "_file")
		if twin, ok := fields[name]; ok {
			d.secret(v.Field(twin), join(path, name), file.String(), p)
		}
	}
}

// secret reads the secret at path from the file that the option at filePath
// names.
func (d *decoder) secret(v reflect.Value, path, file, filePath string) {
	if _, both := d.given[path]; both {
		d.problem(filePath, "stands beside %s, which is the same secret: give one of them", path)
		return
	}
	if d.skipFiles {
		return
	}
	data, err := readFile(file)
	if err != nil {
		d.problem(filePath, "%s", err)
		return
	}
	s := strings.TrimRight(string(data), "\r\n")
	if s == "" {
		d.problem(filePath, "names a file that is empty: %s", file)
		return
	}
	x := reflect.ValueOf(s)
	if err := d.rules[pattern(path)](x); err != nil {
		d.problem(filePath, "names a file whose content is wrong: it %s", err)
		return
	}
	v.Set(x)
}

// readFile reads a small regular file. A pipe could block for ever.
func readFile(name string) ([]byte, error) {
	if info, err := os.Stat(name); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot be read: %s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("cannot be read: %s is larger than %d octets", name, maxFile)
	}
	return data, nil
}

// smppTLS checks the files of an smpp section's tls.
func (d *decoder) smppTLS(path string, c *smpp.TLSConfig) {
	if ca := path + ".ca_file"; c.CAFile != "" && !d.bad[ca] && !d.skipFiles {
		if err := certificates(c.CAFile); err != nil {
			d.problem(ca, "%s", err)
		}
	}
	_, cert := d.given[path+".cert_file"]
	_, key := d.given[path+".key_file"]
	switch {
	case cert && !key:
		d.problem(path+".key_file", "is missing beside cert_file")
	case key && !cert:
		d.problem(path+".cert_file", "is missing beside key_file")
	case cert && key:
		d.keyPair(path, c.CertFile, c.KeyFile)
	}
}

// keyPair checks that a section's cert_file and key_file belong together.
func (d *decoder) keyPair(path, certFile, keyFile string) {
	certPath, keyPath := path+".cert_file", path+".key_file"
	if d.skipFiles || certFile == "" || keyFile == "" {
		return
	}
	if err := certificates(certFile); err != nil {
		d.problem(certPath, "%s", err)
	}
	key, err := readFile(keyFile)
	if err == nil {
		err = privateKey(keyFile, key)
	}
	if err != nil {
		d.problem(keyPath, "%s", err)
	}
	if d.bad[certPath] || d.bad[keyPath] {
		return
	}
	cert, err := readFile(certFile)
	if err != nil {
		d.problem(certPath, "%s", err)
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		d.problem(keyPath, "does not fit %s: %s", certFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
}

// certificates checks a file of one or more PEM certificates.
func certificates(name string) error {
	data, err := readFile(name)
	if err != nil {
		return err
	}
	n := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("names a file with a broken certificate: %s: %w", name, err)
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("names a file without a PEM certificate: %s", name)
	}
	return nil
}

// privateKey checks for a PEM key that no passphrase protects.
func privateKey(name string, data []byte) error {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || bytes.Contains([]byte(block.Headers["Proc-Type"]), []byte("ENCRYPTED")) {
			return errors.New("names a key that is encrypted with a passphrase: " + name)
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil
		}
	}
	return fmt.Errorf("names a file without a PEM private key: %s", name)
}
