// Package smpp speaks SMPP 3.4 as an ESME: octets and framing, PDUs, delivery
// receipts, user data headers, and a session with a window and keep-alive. It
// knows nothing of what the texts are for, and it decodes no alphabet.
//
// "SMPP 3.4" below is the SMS Forum's "Short Message Peer to Peer Protocol
// Specification v3.4", issue 1.2; "TS 23.040" is 3GPP's.
//
// # Codec
//
// [FrameReader] cuts a connection into PDUs and [Decode] reads one. Both trust
// no length that the peer wrote. The Append functions write PDUs, for an ESME
// and for an SMSC alike.
//
// The PDUs that flow a thousand times a second (submit_sm, deliver_sm, data_sm
// and their responses, enquire_link) have codecs of their own here:
// go-smpp's builds maps of fields, seventy allocations for one submit_sm, takes
// a truncated deliver_sm without complaint, cannot carry more than 254 octets
// and stops at PDUs of 4,096. The same holds for what it does not implement at
// all (data_sm, alert_notification, outbind, cancel_sm, replace_sm) or reads
// wrongly (query_sm_resp with an error_code, distribution lists of
// submit_multi). The bind requests, query_sm and submit_multi_resp go
// through go-smpp's codec behind checks for the fields that it leaves out, and a
// differential fuzz test holds our codecs against it wherever it is right.
//
// # Session
//
// [Dial] connects and binds. A [Session] then has three goroutines, all ended
// and waited for by [Session.Close]: a reader, which decodes, matches responses,
// frees window slots and calls the [Handler] in wire order; a writer, which
// sends whatever is pending in one write; and a timer for keep-alive, response
// timeouts and progress. Rate limiting and reconnecting are the caller's: a
// session that is of no more use ends, and Err says why.
//
// Submissions go by [Session.TrySubmit] and come back as a [Result], one each and
// perhaps a late one; [Session.Cancel] and [Session.Query] wait beside them.
// Handler.Trace sees the PDUs, and [Describe] writes one so that it can be shown.
package smpp
