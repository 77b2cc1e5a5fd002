package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/api"
)

const maxAnswer = 4 << 20

// Ask asks the running daemon of a configuration something over its API, as
// whoever can open its store may: with a token of this scope that lives as long as
// the request. url is where the daemon serves, as https://sms.example.com; with ""
// it is on this machine, where the configuration says. body and answer are JSON.
func Ask(ctx context.Context, cfg *config.Config, url, scope string, within time.Duration, method, path string, body, answer any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a, err := OpenAccounts(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	token, err := a.CreateToken(ctx, Token{Name: "smsbridge command", Scopes: []string{scope}, ExpiresAt: time.Now().Add(within + time.Minute)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Revoke(context.WithoutCancel(ctx), token.ID.String())) }()
	return Request(ctx, cfg, url, token.Secret, method, path, body, answer)
}

// Request asks a running daemon something over its API with a token that one has.
// cfg says where it serves on this machine, if url is empty.
func Request(ctx context.Context, cfg *config.Config, url, secret, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client, base := &http.Client{Transport: &http.Transport{}}, strings.TrimSuffix(url, "/")
	if url == "" {
		if client, base, err = clientOf(cfg); err != nil {
			return err
		}
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, base+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no daemon answers at %s: %w", base, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var p api.Problem
		if json.Unmarshal(got, &p) == nil && p.Detail != "" {
			return errors.New(p.Detail)
		}
		return fmt.Errorf("the daemon answered %s", resp.Status)
	}
	return json.Unmarshal(got, answer)
}

// clientOf makes a client for the daemon of a configuration on this machine. Its
// certificate is known: it is in the configuration.
func clientOf(cfg *config.Config) (*http.Client, string, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	at := net.JoinHostPort(host, port)
	if cfg.TLS == nil {
		return &http.Client{Transport: &http.Transport{}}, "http://" + at, nil
	}
	pem, err := os.ReadFile(cfg.TLS.CertFile)
	if err != nil {
		return nil, "", err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	cert, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		return nil, "", err
	}
	if names := cert.Leaf.DNSNames; len(names) > 0 {
		config.ServerName = names[0]
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, "https://" + at, nil
}
