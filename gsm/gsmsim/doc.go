// Package gsmsim is a modem with a SIM on a pseudo-terminal, for demonstrations,
// tests, and people without hardware. It speaks AT commands as its vendor's modems
// do (ITU-T V.250, 3GPP TS 27.005 and 27.007, PDU mode), and misbehaves on request.
// It imports nothing of ours: programs that nobody here wrote, gammu among them,
// use it like a modem.
//
// [New] plugs one in, and [Modem.Path] is the device to open:
//
//	modem, err := gsmsim.New(gsmsim.Options{Vendor: "huawei", Number: "+447700900123", Link: "/tmp/modem"})
//	if err != nil {
//		return err
//	}
//	defer modem.Close()
//	network := modem.Network()
//	network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
//		fmt.Println(s.To, s.Text)
//		return gsmsim.Fate{Delay: time.Second, Reports: []gsmsim.Report{{Status: 0x20}, {Status: 0, After: time.Minute}}}
//	})
//	err = network.Text("+12602058901", "+447700900123", "are you open?")
//
// A [Network] is what carries texts: several modems may be in one ([Options]), and
// what one sends to the number of another arrives there. [Network.Deliver] sends what
// is more than plain text, [Network.DeliverTPDU] what no network should, and
// [Network.Call] rings. What a modem cannot take, because it is off the air or its
// memory is full, waits in the network.
//
// # Misbehaviour
//
// A [Behaviour] says what is odd; [Modem.Set] changes it while the modem runs:
//
//	modem.Set(func(b *gsmsim.Behaviour) {
//		b.Registration = gsmsim.Denied
//		b.Rules = []gsmsim.Rule{{Command: "+CMGS", At: gsmsim.AfterSent, Times: 2, Do: gsmsim.DoSilence}}
//	})
//
// [ParseSwitches] reads the same from words, and [Switches] lists them.
// [Modem.Unplug] and [Modem.Plug] do what they say: each time there is another
// device, and Options.Link points to it.
//
// # What it is not
//
// A pseudo-terminal has no modem lines and no baud rate: DTR ends nothing, and a speed
// is only what the program has set. What the last program did not read, the next one
// does, unless it flushes the line as it opens it. Text mode reads and does not send. There is no
// phone book, no data and no voice.
//
// # Goroutines
//
// A modem has a reader, a writer and a watcher for each port, a Network has one that delivers,
// and what is due later has one each while it runs. [Modem.Close] and [Network.Close]
// end and wait for theirs.
package gsmsim
