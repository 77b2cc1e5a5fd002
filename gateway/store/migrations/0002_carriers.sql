-- What few messages have beside the rest, as JSON; '' is nothing.
ALTER TABLE messages ADD COLUMN extras TEXT NOT NULL DEFAULT '';

-- What became of attempts that the carrier did not simply accept (those are in
-- refs), and what people had done about a message: its trace.
CREATE TABLE attempts (
  id BIGINT PRIMARY KEY,
  segment BIGINT NOT NULL,
  attempt SMALLINT NOT NULL,
  carrier TEXT NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT NOT NULL,
  note TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX attempts_segment ON attempts (segment);
CREATE INDEX attempts_uncertain ON attempts (carrier, segment) WHERE outcome = 'uncertain';

CREATE INDEX refs_segment ON refs (segment);
-- The user_message_reference that came back with it, or 0.
ALTER TABLE receipts ADD COLUMN user_reference BIGINT NOT NULL DEFAULT 0;
-- Its error code as a sentence, where the configuration has one.
ALTER TABLE receipts ADD COLUMN meaning TEXT NOT NULL DEFAULT '';
CREATE INDEX receipts_segment ON receipts (segment) WHERE segment <> 0;

-- Nobody knows whether the carrier has these.
CREATE INDEX segments_doubtful ON segments (carrier, id) WHERE error = 'uncertain';
-- Sent, and to be reported on until a time that its message's ID does not say.
CREATE INDEX segments_again ON segments (carrier, not_until) WHERE tick = 3 AND not_until <> 0;

-- What is remembered of a carrier: the form of its ids, how far a sweep has come.
CREATE TABLE carrier_state (
  carrier TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (carrier, name)
);

-- How much a token has sent on a day, in days since 1970.
CREATE TABLE sent_on (
  token BIGINT NOT NULL,
  day BIGINT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (token, day)
);
ALTER TABLE tokens ADD COLUMN allow_to TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN per_day BIGINT NOT NULL DEFAULT 0;

ALTER TABLE fragments ADD COLUMN locking SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE fragments ADD COLUMN single SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE fragments ADD COLUMN port BIGINT NOT NULL DEFAULT 0;
-- The message in which the parts that have come are shown already, or 0.
ALTER TABLE fragments ADD COLUMN shown BIGINT NOT NULL DEFAULT 0;

ALTER TABLE quarantine ADD COLUMN reason TEXT NOT NULL DEFAULT '';
