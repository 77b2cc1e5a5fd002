-- Settings of a queue as JSON; '' is the usual ones. A deleted queue is kept
-- until what was in it has been moved to General.
ALTER TABLE queues ADD COLUMN settings TEXT NOT NULL DEFAULT '';
ALTER TABLE queues ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
-- In which order what waits is offered to the members.
ALTER TABLE queue_members ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
-- Whose the number is, or 0: then its texts wait in the queue. Whether the
-- carrier itself answers STOP and START.
ALTER TABLE queue_numbers ADD COLUMN person BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queue_numbers ADD COLUMN carrier_stops SMALLINT NOT NULL DEFAULT 0;

-- Who was offered something last, for round robin.
CREATE TABLE queue_turns (
  queue BIGINT PRIMARY KEY,
  person BIGINT NOT NULL
);

-- Since when a person's availability is what it is.
ALTER TABLE people ADD COLUMN availability_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;

-- Where a person's browser takes messages while no page is open.
CREATE TABLE push_subscriptions (
  id BIGINT PRIMARY KEY,
  person BIGINT NOT NULL REFERENCES people (id),
  endpoint TEXT NOT NULL UNIQUE,
  p256dh TEXT NOT NULL,
  auth TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- To whom what waits is offered; '' is everyone in its queue.
ALTER TABLE conversations ADD COLUMN offered TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN offered_till BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN answer_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN begun_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN answered SMALLINT NOT NULL DEFAULT 0;
-- The newest row of opt_outs, where the conversation's transactions find it.
ALTER TABLE conversations ADD COLUMN opted_out SMALLINT NOT NULL DEFAULT 0;
UPDATE conversations SET answer_since = updated_at WHERE unanswered = 1;
UPDATE conversations SET answered = 1 WHERE status <> 1;
UPDATE conversations SET begun_at = waiting_since WHERE status = 1;
UPDATE conversations SET opted_out = COALESCE((SELECT o.opted_out FROM opt_outs o WHERE o.peer = conversations.peer
  AND o.number = conversations.number AND o.peer_kind = conversations.peer_kind ORDER BY o.id DESC LIMIT 1), 0);
-- Lists read these in their order, one index for each kind of conversation that
-- somebody sees: everything, a queue's, one's own. number is in the first so that
-- a token's limits are applied without a look at the table. On SQLite an index
-- ends in the id anyway.
DROP INDEX conversations_updated;
DROP INDEX conversations_waiting;
DROP INDEX conversations_owner;
CREATE INDEX conversations_state ON conversations (status, archived, updated_at, id, number);
CREATE INDEX conversations_queue ON conversations (queue, status, archived, updated_at); -- only: sqlite
CREATE INDEX conversations_owner ON conversations (owner, archived, updated_at) WHERE owner <> 0; -- only: sqlite
CREATE INDEX conversations_last_owner ON conversations (last_owner, status, archived, updated_at) WHERE status = 3 AND last_owner <> 0; -- only: sqlite
CREATE INDEX conversations_oldest ON conversations (status, archived, waiting_since) WHERE status = 1; -- only: sqlite
CREATE INDEX conversations_oldest_of_queue ON conversations (queue, status, archived, waiting_since) WHERE status = 1; -- only: sqlite
CREATE INDEX conversations_queue ON conversations (queue, status, archived, updated_at, id); -- only: postgres
CREATE INDEX conversations_owner ON conversations (owner, archived, updated_at, id) WHERE owner <> 0; -- only: postgres
CREATE INDEX conversations_last_owner ON conversations (last_owner, status, archived, updated_at, id) WHERE status = 3 AND last_owner <> 0; -- only: postgres
CREATE INDEX conversations_oldest ON conversations (status, archived, waiting_since, id) WHERE status = 1; -- only: postgres
CREATE INDEX conversations_oldest_of_queue ON conversations (queue, status, archived, waiting_since, id) WHERE status = 1; -- only: postgres
CREATE INDEX conversations_offered ON conversations (id) WHERE status = 1 AND offered <> '';

ALTER TABLE events ADD COLUMN offered_before TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN offered_after TEXT NOT NULL DEFAULT '';

-- In whose words a person's decision is, where it was told to somebody.
ALTER TABLE opt_outs ADD COLUMN note TEXT NOT NULL DEFAULT '';

-- What a person does not want to be asked about while the epoch is the same.
CREATE TABLE ignored (
  person BIGINT NOT NULL,
  conversation BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  PRIMARY KEY (person, conversation)
);

-- When a customer was last answered automatically, by what for.
CREATE TABLE automatic_replies (
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  number TEXT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (peer, number, peer_kind, kind)
);

-- sorted is the beginning of the name in small letters, folded all that is
-- searched: neither database's LOWER knows what the other's does. tags are each
-- between line ends.
CREATE TABLE contacts (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  sorted TEXT NOT NULL,
  folded TEXT NOT NULL,
  first_name TEXT NOT NULL,
  company TEXT NOT NULL,
  notes TEXT NOT NULL,
  tags TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX contacts_name ON contacts (sorted, id);
CREATE TABLE contact_numbers (
  peer TEXT NOT NULL,
  peer_kind SMALLINT NOT NULL,
  contact BIGINT NOT NULL REFERENCES contacts (id),
  position SMALLINT NOT NULL,
  PRIMARY KEY (peer, peer_kind)
);
CREATE INDEX contact_numbers_contact ON contact_numbers (contact);

-- queue 0: for all.
CREATE TABLE templates (
  id BIGINT PRIMARY KEY,
  queue BIGINT NOT NULL,
  name TEXT NOT NULL,
  sorted TEXT NOT NULL,
  folded TEXT NOT NULL,
  category TEXT NOT NULL,
  language TEXT NOT NULL,
  text TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Append-only: who did what. object is what it was done to, where that is no
-- conversation.
CREATE TABLE audit (
  id BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  kind SMALLINT NOT NULL,
  actor BIGINT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  conversation BIGINT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_conversation ON audit (conversation, id) WHERE conversation <> 0;
CREATE INDEX audit_actor ON audit (actor, id);

-- Append-only: what reports count. took is in microseconds.
CREATE TABLE facts (
  id BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  kind SMALLINT NOT NULL,
  queue BIGINT NOT NULL,
  person BIGINT NOT NULL,
  took BIGINT NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX facts_at ON facts (at, kind);
