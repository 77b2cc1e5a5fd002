package smpp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

const defaultPort = "2775"

// interfaceVersions are the values of interface_version (SMPP 3.4 §5.2.4).
var interfaceVersions = map[InterfaceVersion]uint8{Version33: 0x33, Version34: 0x34, Version50: 0x50}

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
// TLS handshake and the bind together have cfg.BindTimeout. The connection comes
// from cfg.LocalAddr, and only goes to an address of host of that family. A
// refused bind is a *BindError. ctx ends the attempt, not the session.
func Dial(ctx context.Context, cfg Config, host string, h Handler) (*Session, error) {
	bind, ok := map[BindMode]CommandID{
		BindTransceiver: CmdBindTransceiver, BindTransmitter: CmdBindTransmitter, BindReceiver: CmdBindReceiver,
	}[cfg.Bind]
	if !ok {
		return nil, fmt.Errorf("smpp: cannot bind as %q", cfg.Bind)
	}
	cfg = withDefaults(cfg)
	if _, ok := interfaceVersions[cfg.InterfaceVersion]; !ok {
		return nil, fmt.Errorf("smpp: cannot bind with the interface_version %q", cfg.InterfaceVersion)
	}
	if cfg.InterfaceVersion == Version33 && (cfg.LongMessages == LongSAR || cfg.LongMessages == LongPayload) {
		return nil, fmt.Errorf("smpp: long_messages %q needs optional parameters, which SMPP 3.3 does not have", cfg.LongMessages)
	}
	dialer, err := dialer(cfg.LocalAddr)
	if err != nil {
		return nil, err
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, defaultPort)
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.BindTimeout)
	defer cancel()
	raw, err := dialer.DialContext(ctx, "tcp", host) // sets TCP_NODELAY
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

// dialer dials from an IP address of ours, or from any.
func dialer(local string) (*net.Dialer, error) {
	if local == "" {
		return &net.Dialer{}, nil
	}
	addr, err := netip.ParseAddr(local)
	if err != nil {
		return nil, fmt.Errorf("smpp: local_addr: %w", err)
	}
	return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))}, nil
}

// withDefaults fills in the bounds without which a session could wait for ever,
// and the version that an empty one means.
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
	if cfg.InterfaceVersion == "" {
		cfg.InterfaceVersion = d.InterfaceVersion
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
		SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, InterfaceVersion: interfaceVersions[cfg.InterfaceVersion],
		AddressRange: Address{cfg.AddrTON, cfg.AddrNPI, cfg.AddressRange},
	})
	h.trace(true, request)
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	frames := NewFrameReader(conn)
	for {
		frame, err := frames.Next()
		var oversize *OversizeError
		if errors.As(err, &oversize) {
			h.trace(false, oversize.header())
			continue
		}
		if err != nil {
			return nil, err
		}
		h.trace(false, frame)
		p, _ := Decode(bytes.Clone(frame)) // a spoilt parameter of the response does not undo the bind
		switch {
		case p.Command == bind.Response() || p.Command == CmdGenericNack:
			if p.Status != ESME_ROK || p.Command == CmdGenericNack {
				return nil, &BindError{Host: host, Status: p.Status}
			}
			peer, _ := p.Body.(*BindResponse)
			return newSession(conn, raw, frames, cfg, *peer, sequence, h), nil
		case p.Command == CmdEnquireLink:
			answer := AppendHeader(nil, Header{CmdEnquireLinkResp, ESME_ROK, p.Sequence})
			h.trace(true, answer)
			if _, err := conn.Write(answer); err != nil {
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
