// An SMSC on the npm package smpp, for tests that bind smsbridge to code that is
// not its own. It listens on a free port of the loopback. Each line of its output
// is something that happened, each line of its input an order:
//
//   {"deliver": {"from", "to", "text"}}  a text for the ESME; "coding" is its
//                                        data_coding, "udh" a header in hex
//   {"send": {"command", "fields"}}      any PDU, as the package writes it; a value
//                                        {"hex"} is octets
//   {"raw": "hex"}                       octets as they are
//   {"unbind": true}                     as before maintenance
//   {"drop": true}                       as a network that fails
//
// or a rule from now on, when "obeyed" is told:
//
//   {"refuse": {"status", "times"}}      the next so many submits get this status
//   {"manual": true}                     submits are told, and neither answered nor
//                                        followed by receipts, until it is false
//   {"cancel": "status"}                 cancel_sm is answered with this status
//   {"password": "…"}                    who binds needs this one
//   {"binds": n}                         more than n binds are ESME_RALYBND
//   {"outbind": true}                    whoever connects is sent an outbind
//
// "bind" beside send, raw and deliver is the number of the bind, from 1; without
// it they go to the newest. It ends with its input.
'use strict';

const readline = require('node:readline');
const smpp = require('smpp');

const international = { ton: 1, npi: 1 };
const binds = [];
let password = 'secret';
let limit = Infinity;
let outbind = false;
let manual = false;
let cancel = 'ESME_ROK';
let refuse = { times: 0 };
let nextID = 0x1f0a3c;

function tell(event, details) {
  process.stdout.write(JSON.stringify({ event, ...details }) + '\n');
}

function status(pdu) {
  return Object.keys(smpp.errors).find((name) => smpp.errors[name] === pdu.command_status);
}

function bind(session, pdu) {
  let answer = 'ESME_ROK';
  if (pdu.system_id !== 'us' || pdu.password !== password) {
    answer = 'ESME_RINVPASWD';
  } else if (binds.filter((other) => !other.socket.destroyed).length >= limit) {
    answer = 'ESME_RALYBND';
  }
  const accepted = answer === 'ESME_ROK';
  if (accepted) {
    binds.push(session);
    session.send(pdu.response({ system_id: 'interop', sc_interface_version: 0x34 }));
  } else {
    session.send(pdu.response({ command_status: smpp[answer] }), () => session.close());
  }
  tell('bind', { command: pdu.command, system_id: pdu.system_id, accepted, status: answer, bind: binds.length });
}

function submit(session, pdu) {
  if (refuse.times > 0) {
    refuse.times--;
    session.send(pdu.response({ command_status: smpp[refuse.status] }));
    tell('refused', { status: refuse.status });
    return;
  }
  const id = (nextID++).toString(16).toUpperCase();
  const udh = pdu.short_message.udh;
  if (!manual) {
    session.send(pdu.response({ message_id: id }));
  }
  tell('submit', {
    id,
    sequence: pdu.sequence_number,
    bind: binds.indexOf(session) + 1,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    text: pdu.short_message.message,
    coding: pdu.data_coding,
    // Only concatenation is to be expected: TS 23.040 §9.2.3.24.1.
    udh: udh ? Buffer.concat(udh.map((element) => Buffer.from(element))).toString('hex') : '',
  });
  if (!manual && pdu.registered_delivery & 1) {
    receipt(session, pdu, id);
  }
}

function receipt(session, pdu, id) {
  const date = new Date().toISOString().replace(/\D/g, '').slice(2, 12);
  session.deliver_sm({
    ...addresses(pdu.destination_addr, pdu.source_addr),
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:${date} done date:${date} stat:DELIVRD err:000 text:`,
  }, (answer) => tell('receipt', { id, status: status(answer) }));
}

function addresses(from, to) {
  return {
    source_addr_ton: international.ton,
    source_addr_npi: international.npi,
    source_addr: from,
    dest_addr_ton: international.ton,
    dest_addr_npi: international.npi,
    destination_addr: to,
  };
}

function deliver(session, { from, to, text, coding, udh }) {
  send(session, 'deliver_sm', {
    ...addresses(from, to),
    data_coding: coding ?? 0,
    esm_class: udh ? smpp.ESM_CLASS.UDH_INDICATOR : 0,
    short_message: udh ? { udh: Buffer.from(udh, 'hex'), message: text } : text,
  });
}

// send tells the answer to a request.
function send(session, command, fields) {
  const pdu = new smpp.PDU(command, fields);
  const done = pdu.isResponse() ? undefined : (answer) => tell('answer', { command: answer.command, status: status(answer) });
  session.send(pdu, done);
}

function octets(value) {
  return typeof value?.hex === 'string' ? Buffer.from(value.hex, 'hex') : value;
}

// rest tells what came and is no answer to a request of ours: what answers the
// octets of {"raw"}.
function rest(session, pdu) {
  const ours = ['submit_sm', 'cancel_sm', 'enquire_link', 'unbind', 'bind_transceiver', 'bind_transmitter', 'bind_receiver'];
  if (!ours.includes(pdu.command) && !session._callbacks[pdu.sequence_number]) {
    tell('pdu', { command: pdu.command, status: status(pdu), sequence: pdu.sequence_number });
  }
}

const server = smpp.createServer((session) => {
  if (outbind) {
    session.outbind({ system_id: 'interop', password: 'outbound' });
  }
  session.on('pdu', (pdu) => rest(session, pdu));
  for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(command, (pdu) => bind(session, pdu));
  }
  session.on('submit_sm', (pdu) => submit(session, pdu));
  session.on('cancel_sm', (pdu) => {
    session.send(pdu.response({ command_status: smpp[cancel] }));
    tell('cancel', { id: pdu.message_id, from: pdu.source_addr, to: pdu.destination_addr });
  });
  session.on('enquire_link', (pdu) => {
    session.send(pdu.response());
    tell('enquire_link');
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response(), () => session.close());
    tell('unbind');
  });
  session.on('close', () => tell('close'));
  session.on('error', (error) => tell('error', { text: String(error) }));
});

server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }));

function obey(order) {
  const session = order.bind ? binds[order.bind - 1] : binds.at(-1);
  if (order.deliver) {
    deliver(session, order.deliver);
  } else if (order.send) {
    const fields = Object.entries(order.send.fields).map(([name, value]) => [name, octets(value)]);
    send(session, order.send.command, Object.fromEntries(fields));
  } else if (order.raw) {
    session.socket.write(Buffer.from(order.raw, 'hex'));
  } else if (order.drop) {
    session.destroy();
  } else if (order.unbind) {
    session.unbind((answer) => {
      tell('unbound', { status: status(answer) });
      session.close();
    });
  } else {
    refuse = order.refuse ?? refuse;
    manual = order.manual ?? manual;
    cancel = order.cancel ?? cancel;
    password = order.password ?? password;
    limit = order.binds ?? limit;
    outbind = order.outbind ?? outbind;
    tell('obeyed');
  }
}

readline.createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)))
  .on('close', () => process.exit(0));
