package smppsim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestBindIsAnswered(t *testing.T) {
	accounts := map[string]Account{
		"us":      {Password: "secret"},
		"refused": {Password: "secret", Script: &Script{Bind: BindScript{Status: smpp.ESME_RBINDFAIL}}},
		"delayed": {Password: "secret", Script: &Script{Bind: BindScript{Delay: 20 * time.Millisecond}}},
	}
	s := start(t, Options{Accounts: accounts})
	for _, test := range []struct {
		name               string
		command            smpp.CommandID
		systemID, password string
		want               smpp.Status
	}{
		{"transceiver", smpp.CmdBindTransceiver, "us", "secret", smpp.ESME_ROK},
		{"transmitter", smpp.CmdBindTransmitter, "us", "secret", smpp.ESME_ROK},
		{"receiver", smpp.CmdBindReceiver, "us", "secret", smpp.ESME_ROK},
		{"wrong password", smpp.CmdBindTransceiver, "us", "Secret", smpp.ESME_RINVPASWD},
		{"unknown system_id", smpp.CmdBindTransceiver, "them", "secret", smpp.ESME_RINVSYSID},
		{"refused by the script", smpp.CmdBindTransceiver, "refused", "secret", smpp.ESME_RBINDFAIL},
		{"delayed", smpp.CmdBindTransceiver, "delayed", "secret", smpp.ESME_ROK},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			e := connect(t, s)
			p := e.bind(test.command, test.systemID, test.password)
			if p.Status != test.want {
				t.Errorf("%v, want %v", p.Status, test.want)
			}
			if took := time.Since(began); test.name == "delayed" && took < 20*time.Millisecond {
				t.Errorf("answered after %v", took)
			}
			if p.Status != smpp.ESME_ROK {
				e.ends()
			}
		})
	}
	if stats := s.Stats(); stats.Binds != 4 || stats.BindFailures != 3 {
		t.Errorf("%d binds and %d failures, want 4 and 3", stats.Binds, stats.BindFailures)
	}
}

func TestWithoutAccountsAnyoneBinds(t *testing.T) {
	s := start(t, Options{})
	for _, password := range []string{"", "secret"} {
		if p := connect(t, s).bind(smpp.CmdBindTransceiver, "anyone", password); p.Status != smpp.ESME_ROK {
			t.Errorf("password %q: %v", password, p.Status)
		}
	}
}

func TestMaxBinds(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret", MaxBinds: 1}}})
	first := bound(t, s)
	if p := connect(t, s).bind(smpp.CmdBindTransceiver, "us", "secret"); p.Status != smpp.ESME_RALYBND {
		t.Errorf("second bind: %v", p.Status)
	}
	if p := first.bind(smpp.CmdBindTransceiver, "us", "secret"); p.Status != smpp.ESME_RALYBND {
		t.Errorf("bind on a bound connection: %v", p.Status)
	}
	first.request(smpp.CmdUnbind)
	if p := first.read(); p.Command != smpp.CmdUnbindResp {
		t.Fatalf("%v answers unbind", p.Command)
	}
	first.ends()
	bound(t, s)
}

func TestSubmitNeedsATransmitter(t *testing.T) {
	s := start(t, Options{})
	unbound := connect(t, s)
	receiver := connect(t, s)
	receiver.bind(smpp.CmdBindReceiver, "us", "")
	for _, e := range []*esme{unbound, receiver} {
		e.submit(hello(customer))
		if _, status := e.readResponse(); status != smpp.ESME_RINVBNDSTS {
			t.Errorf("%v, want ESME_RINVBNDSTS", status)
		}
	}
}

func TestScriptChangesWhileBound(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	script := s.Script()
	script.Submit.ErrorEvery, script.Receipt.When = 1, ReceiptsNever
	if err := s.SetScript(script); err != nil {
		t.Fatal(err)
	}
	e.submit(hello(customer))
	if _, status := e.readResponse(); status != smpp.ESME_RSUBMITFAIL {
		t.Errorf("%v after the change", status)
	}
	script.Submit.ErrorEvery = 0
	if err := s.SetAccountScript("us", script); err != nil {
		t.Fatal(err)
	}
	e.submit(hello(customer))
	if _, status := e.readResponse(); status != smpp.ESME_ROK {
		t.Errorf("%v after the second change", status)
	}
	if err := s.SetAccountScript("them", script); !errors.Is(err, ErrNoAccount) {
		t.Errorf("%v for an unknown account", err)
	}
}

func TestScriptThatCannotBeMeant(t *testing.T) {
	for _, script := range []Script{
		{Bind: BindScript{Delay: -1}},
		{Submit: SubmitScript{SilentEvery: -1}},
		{Submit: SubmitScript{ThrottleAbove: -1}},
		{Submit: SubmitScript{ID: 99}},
		{Receipt: ReceiptScript{State: "DELIVERED"}},
		{Receipt: ReceiptScript{StateTo: map[string]string{"1": "LOST"}}},
	} {
		if _, err := Start(t.Context(), Options{Script: script}); err == nil {
			t.Errorf("%+v is taken", script)
		}
	}
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"smsc.example"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	s := start(t, Options{
		TLS:    &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		Script: Script{Submit: SubmitScript{DropAfter: 2}},
	})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	e := newESME(t, tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "smsc.example"}))
	if p := e.bind(smpp.CmdBindTransmitter, "us", ""); p.Status != smpp.ESME_ROK {
		t.Fatal(p.Status)
	}
	e.submit(hello(customer))
	if _, status := e.readResponse(); status != smpp.ESME_ROK {
		t.Error(status)
	}
	e.submit(hello(customer))
	e.ends()
}

func TestCloseEndsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{Script: Script{Receipt: ReceiptScript{Delay: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	delivered := make(chan error, 1)
	go func() {
		_, err := s.Deliver(t.Context(), customer, ours, "never answered")
		delivered <- err
	}()
	e.readDelivery()
	cancel()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-delivered; !errors.Is(err, ErrClosed) {
		t.Errorf("Deliver: %v", err)
	}
	e.ends()
	if _, err := s.Deliver(t.Context(), customer, ours, "too late"); !errors.Is(err, ErrClosed) {
		t.Errorf("Deliver after Close: %v", err)
	}
	if _, err := s.Await(t.Context(), func(Stats) bool { return false }); !errors.Is(err, ErrClosed) {
		t.Errorf("Await after Close: %v", err)
	}
}
