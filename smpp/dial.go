package smpp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

const (
	interfaceVersion = 0x34 // SMPP 3.4 §5.2.4
	defaultPort      = "2775"
)

// BindError is a bind that the SMSC refused.
type BindError struct {
	Host   string
	Status Status
}

func (e *BindError) Error() string { return fmt.Sprintf("smpp: bind to %s: %s", e.Host, e.Status) }

// Credentials reports whether the SMSC does not accept who we say we are: a
// person must act, and trying on may lock the account.
func (e *BindError) Credentials() bool {
	return e.Status == ESME_RINVPASWD || e.Status == ESME_RINVSYSID || e.Status == ESME_RINVSYSTYP
}

// Dial connects to host ("name" or "name:port", port 2775 if none) and binds as
// cfg.Bind says, which is not BindPair: a pair is two sessions. Connecting, the
// TLS handshake and the bind together have cfg.BindTimeout. A refused bind is a
// *BindError. ctx ends the attempt, not the session.
func Dial(ctx context.Context, cfg Config, host string, h Handler) (*Session, error) {
	bind, ok := map[BindMode]CommandID{
		BindTransceiver: CmdBindTransceiver, BindTransmitter: CmdBindTransmitter, BindReceiver: CmdBindReceiver,
	}[cfg.Bind]
	if !ok {
		return nil, fmt.Errorf("smpp: cannot bind as %q", cfg.Bind)
	}
	cfg = withDefaults(cfg)
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, defaultPort)
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.BindTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", host) // sets TCP_NODELAY
	if err != nil {
		return nil, fmt.Errorf("smpp: connect to %s: %w", host, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	s, err := bindOver(ctx, raw, cfg, bind, host, h)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the deadline that it set says less
		}
		var refused *BindError
		if errors.As(err, &refused) {
			return nil, err
		}
		return nil, fmt.Errorf("smpp: bind to %s: %w", host, err)
	}
	s.start()
	return s, nil
}

// withDefaults fills in the bounds without which a session could wait for ever.
func withDefaults(cfg Config) Config {
	d := Defaults()
	if cfg.BindTimeout <= 0 {
		cfg.BindTimeout = d.BindTimeout
	}
	if cfg.ResponseTimeout <= 0 {
		cfg.ResponseTimeout = d.ResponseTimeout
	}
	if cfg.EnquireLink <= 0 {
		cfg.EnquireLink = d.EnquireLink
	}
	cfg.Window = max(1, cfg.Window)
	return cfg
}

// bindOver secures the connection where cfg says so, and binds over it.
func bindOver(ctx context.Context, raw net.Conn, cfg Config, bind CommandID, host string, h Handler) (*Session, error) {
	conn := raw
	if cfg.TLS != nil {
		config, err := tlsConfig(cfg.TLS, host)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secured
	}
	const sequence = 1 // nothing else is outstanding: whichever the response has, it is ours
	request := AppendBind(nil, Header{bind, ESME_ROK, sequence}, &BindRequest{
		SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, InterfaceVersion: interfaceVersion,
		AddressRange: Address{cfg.AddrTON, cfg.AddrNPI, cfg.AddressRange},
	})
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	frames := NewFrameReader(conn)
	for {
		frame, err := frames.Next()
		var oversize *OversizeError
		if errors.As(err, &oversize) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p, _ := Decode(bytes.Clone(frame)) // a spoilt parameter of the response does not undo the bind
		switch {
		case p.Command == bind.Response() || p.Command == CmdGenericNack:
			if p.Status != ESME_ROK || p.Command == CmdGenericNack {
				return nil, &BindError{Host: host, Status: p.Status}
			}
			peer, _ := p.Body.(*BindResponse)
			return newSession(conn, raw, frames, cfg, *peer, sequence, h), nil
		case p.Command == CmdEnquireLink:
			if _, err := conn.Write(AppendHeader(nil, Header{CmdEnquireLinkResp, ESME_ROK, p.Sequence})); err != nil {
				return nil, err
			}
		}
	}
}

// tlsConfig reads the files that t names.
func tlsConfig(t *TLSConfig, host string) (*tls.Config, error) {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if t.ServerName != "" {
		config.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
