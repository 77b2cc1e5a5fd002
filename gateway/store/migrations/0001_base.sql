-- One text for both databases. BIGINT, SMALLINT and BYTEA become SQLite's
-- INTEGER and BLOB; a line that ends in "-- only: sqlite" or "-- only: postgres"
-- is for that database alone. Times are microseconds since 1970, 0 is none.
-- Never edited once released.

CREATE TABLE event_seq (
  one SMALLINT PRIMARY KEY,
  n BIGINT NOT NULL
);
INSERT INTO event_seq (one, n) VALUES (1, 0);

-- Rises when people, tokens, queues or sessions change, by any process.
CREATE TABLE directory_version (
  one SMALLINT PRIMARY KEY,
  n BIGINT NOT NULL
);
INSERT INTO directory_version (one, n) VALUES (1, 0);

CREATE TABLE nodes (
  n SMALLINT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE leases (
  carrier TEXT PRIMARY KEY,
  node TEXT NOT NULL,
  term BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE carriers (
  name TEXT PRIMARY KEY,
  paused SMALLINT NOT NULL
);

CREATE TABLE people (
  id BIGINT PRIMARY KEY,
  extension TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT NOT NULL,
  availability TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  hash BYTEA PRIMARY KEY,
  person BIGINT NOT NULL REFERENCES people (id),
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);

CREATE TABLE tokens (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  numbers TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);

CREATE TABLE queues (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);

CREATE TABLE queue_members (
  queue BIGINT NOT NULL REFERENCES queues (id),
  person BIGINT NOT NULL REFERENCES people (id),
  manages SMALLINT NOT NULL,
  PRIMARY KEY (queue, person)
);

CREATE TABLE queue_numbers (
  number TEXT PRIMARY KEY,
  queue BIGINT NOT NULL REFERENCES queues (id)
);

CREATE TABLE blocks (
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  person BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (peer, peer_kind)
);

-- Append-only: the newest row of a pair says whether it is opted out.
CREATE TABLE opt_outs (
  id BIGINT PRIMARY KEY,
  number TEXT NOT NULL,
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  opted_out SMALLINT NOT NULL,
  keyword TEXT NOT NULL,
  message BIGINT NOT NULL,
  person BIGINT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX opt_outs_pair ON opt_outs (peer, number, id);

CREATE TABLE conversations (
  id BIGINT PRIMARY KEY,
  number TEXT NOT NULL,
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  queue BIGINT NOT NULL,
  status SMALLINT NOT NULL,
  archived SMALLINT NOT NULL,
  owner BIGINT NOT NULL,
  owner_since BIGINT NOT NULL,
  last_owner BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  unread BIGINT NOT NULL,
  unanswered SMALLINT NOT NULL,
  snoozed_until BIGINT NOT NULL,
  waiting_since BIGINT NOT NULL,
  last_message BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_pair ON conversations (peer, number, peer_kind) WHERE status <> 4;
CREATE INDEX conversations_deleted ON conversations (peer) WHERE status = 4;
CREATE INDEX conversations_waiting ON conversations (queue, updated_at) WHERE status = 1;
CREATE INDEX conversations_owner ON conversations (owner, updated_at) WHERE owner <> 0;
CREATE INDEX conversations_snoozed ON conversations (snoozed_until) WHERE snoozed_until <> 0;
CREATE INDEX conversations_updated ON conversations (updated_at);

CREATE TABLE messages (
  id BIGINT PRIMARY KEY,
  conversation BIGINT NOT NULL,
  number TEXT NOT NULL,
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  kind SMALLINT NOT NULL,
  direction SMALLINT NOT NULL,
  text TEXT NOT NULL,
  encoding SMALLINT NOT NULL,
  segments SMALLINT NOT NULL,
  tick SMALLINT NOT NULL,
  error TEXT NOT NULL,
  error_text TEXT NOT NULL,
  carrier TEXT NOT NULL,
  lane SMALLINT NOT NULL,
  author BIGINT NOT NULL,
  author_name TEXT NOT NULL,
  reference TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  sent_at BIGINT NOT NULL,
  delivered_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX messages_conversation ON messages (conversation, id);

CREATE TABLE segments (
  id BIGINT PRIMARY KEY,
  conversation BIGINT NOT NULL,
  number TEXT NOT NULL,
  carrier TEXT NOT NULL,
  lane SMALLINT NOT NULL,
  tick SMALLINT NOT NULL,
  attempt SMALLINT NOT NULL,
  turn SMALLINT NOT NULL,
  not_until BIGINT NOT NULL,
  term BIGINT NOT NULL,
  udh SMALLINT NOT NULL,
  payload BYTEA NOT NULL,
  error TEXT NOT NULL
);
-- What a pump may claim, in the order in which it does.
CREATE INDEX segments_claim ON segments (carrier, lane, id) WHERE tick = 1 AND turn = 1;
-- What is queued or out, by conversation: whose turn is it?
CREATE INDEX segments_open ON segments (conversation, id) WHERE tick IN (1, 2);

CREATE TABLE refs (
  carrier TEXT NOT NULL,
  reference TEXT NOT NULL,
  segment BIGINT NOT NULL,
  attempt SMALLINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (carrier, reference, segment)
) WITHOUT ROWID; -- only: sqlite
); -- only: postgres

CREATE TABLE receipts (
  id BIGINT PRIMARY KEY,
  carrier TEXT NOT NULL,
  reference TEXT NOT NULL,
  segment BIGINT NOT NULL,
  tick SMALLINT NOT NULL,
  intermediate SMALLINT NOT NULL,
  word TEXT NOT NULL,
  err TEXT NOT NULL,
  peer TEXT NOT NULL,
  done_at BIGINT NOT NULL,
  at BIGINT NOT NULL,
  waiting SMALLINT NOT NULL,
  raw TEXT NOT NULL
);
CREATE INDEX receipts_waiting ON receipts (carrier, id) WHERE waiting = 1;

CREATE TABLE concat_refs (
  number TEXT NOT NULL,
  peer TEXT NOT NULL,
  ref SMALLINT NOT NULL,
  PRIMARY KEY (number, peer)
);

CREATE TABLE idempotency (
  scope BIGINT NOT NULL,
  key TEXT NOT NULL,
  body BYTEA NOT NULL,
  message BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE fragments (
  id BIGINT PRIMARY KEY,
  part_set BIGINT NOT NULL,
  carrier TEXT NOT NULL,
  number TEXT NOT NULL,
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  reference BIGINT NOT NULL,
  wide SMALLINT NOT NULL,
  total SMALLINT NOT NULL,
  part SMALLINT NOT NULL,
  coding SMALLINT NOT NULL,
  payload BYTEA NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX fragments_set ON fragments (peer, number, carrier, reference, total);

-- What was committed but whose acknowledgement is not known to have been
-- written: it may be delivered again on a later session.
CREATE TABLE redeliveries (
  id BIGINT PRIMARY KEY,
  carrier TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  session BIGINT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX redeliveries_carrier ON redeliveries (carrier, fingerprint);

CREATE TABLE quarantine (
  id BIGINT PRIMARY KEY,
  carrier TEXT NOT NULL,
  raw BYTEA NOT NULL,
  at BIGINT NOT NULL
);

CREATE TABLE events (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  type TEXT NOT NULL,
  number TEXT NOT NULL,
  conversation BIGINT NOT NULL,
  message BIGINT NOT NULL,
  carrier TEXT NOT NULL,
  person BIGINT NOT NULL,
  person_name TEXT NOT NULL,
  note TEXT NOT NULL,
  queue_before BIGINT NOT NULL,
  status_before SMALLINT NOT NULL,
  owner_before BIGINT NOT NULL,
  queue_after BIGINT NOT NULL,
  status_after SMALLINT NOT NULL,
  owner_after BIGINT NOT NULL,
  state TEXT NOT NULL
);
CREATE INDEX events_conversation ON events (conversation, seq) WHERE message = 0 AND conversation <> 0;
