// An SMSC on the npm package smpp, for a test that binds smsbridge to code that
// is not its own. It listens on a free port of the loopback. Each line of its
// output is something that happened, each line of its input an order:
//
//   {"deliver": {"from", "to", "text"}}  a text for the ESME; "coding" is its
//                                        data_coding, "udh" a header in hex
//   {"throttle": n}                      the next n submits are ESME_RTHROTTLED
//   {"unbind": true}                     as before maintenance
//   {"password": "…"}                    who binds needs this one from now on
//
// It ends with its input.
'use strict';

const readline = require('node:readline');
const smpp = require('smpp');

const international = { ton: 1, npi: 1 };
let password = 'secret';
let throttle = 0;
let nextID = 0x1f0a3c;
let bound = null;

function tell(event, details) {
  process.stdout.write(JSON.stringify({ event, ...details }) + '\n');
}

function status(pdu) {
  return Object.keys(smpp.errors).find((name) => smpp.errors[name] === pdu.command_status);
}

function bind(session, pdu) {
  const right = pdu.system_id === 'us' && pdu.password === password;
  tell('bind', { system_id: pdu.system_id, version: pdu.interface_version, accepted: right });
  if (!right) {
    session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => session.close());
    return;
  }
  bound = session;
  session.send(pdu.response({ system_id: 'interop' }));
}

function submit(session, pdu) {
  if (throttle > 0) {
    throttle--;
    tell('throttled');
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  const id = (nextID++).toString(16).toUpperCase();
  const udh = pdu.short_message.udh;
  session.send(pdu.response({ message_id: id }));
  tell('submit', {
    id,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    text: pdu.short_message.message,
    coding: pdu.data_coding,
    // Only concatenation is to be expected: TS 23.040 §9.2.3.24.1.
    udh: udh ? Buffer.concat(udh.map((element) => Buffer.from(element))).toString('hex') : '',
  });
  if (pdu.registered_delivery & 1) {
    receipt(session, pdu, id);
  }
}

function receipt(session, pdu, id) {
  const date = new Date().toISOString().replace(/\D/g, '').slice(2, 12);
  session.deliver_sm({
    source_addr_ton: international.ton,
    source_addr_npi: international.npi,
    source_addr: pdu.destination_addr,
    dest_addr_ton: international.ton,
    dest_addr_npi: international.npi,
    destination_addr: pdu.source_addr,
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:${date} done date:${date} stat:DELIVRD err:000 text:`,
  }, (answer) => tell('receipt', { id, status: status(answer) }));
}

function deliver({ from, to, text, coding, udh }) {
  bound.deliver_sm({
    source_addr_ton: international.ton,
    source_addr_npi: international.npi,
    source_addr: from,
    dest_addr_ton: international.ton,
    dest_addr_npi: international.npi,
    destination_addr: to,
    data_coding: coding ?? 0,
    esm_class: udh ? smpp.ESM_CLASS.UDH_INDICATOR : 0,
    short_message: udh ? { udh: Buffer.from(udh, 'hex'), message: text } : text,
  }, (answer) => tell('answer', { status: status(answer) }));
}

const server = smpp.createServer((session) => {
  session.on('bind_transceiver', (pdu) => bind(session, pdu));
  session.on('submit_sm', (pdu) => submit(session, pdu));
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

readline.createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    if (order.deliver) {
      deliver(order.deliver);
    } else if (order.throttle) {
      throttle = order.throttle;
    } else if (order.password) {
      password = order.password;
    } else if (order.unbind) {
      const session = bound;
      session.unbind((answer) => {
        tell('unbound', { status: status(answer) });
        session.close();
      });
    }
  })
  .on('close', () => process.exit(0));
