-- The audit log: who read and wrote personal data, sealed in batches whose hashes make a chain.

-- Nothing here refers to other tables: what was done stays on record when the rows that it was done to are gone.
CREATE TABLE audit_event (
    id             {uuid} NOT NULL PRIMARY KEY,
    at             {time} NOT NULL,
    -- Who: staff, a user of the family side, or a command at the server (the machine's user). None where nobody was signed in.
    staff_id       {uuid},
    user_id        {uuid},
    command        TEXT,
    institution_id {uuid},
    handbook_id    {uuid},
    kind           TEXT   NOT NULL,
    -- What was allowed or refused, and the operation of the API or the command by which it was asked for.
    action         TEXT   NOT NULL,
    operation      TEXT,
    tie            TEXT,
    visit_id       {uuid},
    record_id      {uuid},
    -- What else it was about, an account or an institution; the operation says of which kind it is.
    object_id      {uuid},
    request_id     {uuid},
    -- Empty until the event is sealed.
    batch_id       {uuid}
);
CREATE INDEX audit_event_by_handbook ON audit_event (handbook_id, kind, id) WHERE handbook_id IS NOT NULL;
CREATE INDEX audit_event_by_staff ON audit_event (staff_id, id) WHERE staff_id IS NOT NULL;
-- The events of a batch in their order, and those that wait for one.
CREATE INDEX audit_event_by_batch ON audit_event (batch_id, id);

-- One chain per process: each batch carries the hash of the one before it.
CREATE TABLE audit_batch (
    id         {uuid}  NOT NULL PRIMARY KEY,
    replica    {uuid}  NOT NULL,
    seq        BIGINT  NOT NULL,
    sealed_at  {time}  NOT NULL,
    events     INTEGER NOT NULL,
    digest     {bytes} NOT NULL,
    previous   {bytes} NOT NULL,
    hash       {bytes} NOT NULL,
    -- When its events were removed, past their retention; the batch stays, so that the chain still holds.
    removed_at {time},
    UNIQUE (replica, seq)
);
CREATE INDEX audit_batch_by_time ON audit_batch (sealed_at);
CREATE INDEX audit_batch_kept ON audit_batch (sealed_at) WHERE removed_at IS NULL;

-- The daily head: the last batch of every chain that grew and the head before, signed. What was sealed before `kept_from`
-- may be removed.
CREATE TABLE audit_head (
    day       {date}  NOT NULL PRIMARY KEY,
    made_at   {time}  NOT NULL,
    kept_from {time}  NOT NULL,
    previous  {bytes} NOT NULL,
    chains    {json}  NOT NULL,
    hash      {bytes} NOT NULL,
    key_id    INTEGER NOT NULL,
    signature {bytes} NOT NULL
);

-- The log of reads goes over into the new one. Processes of the version before still write the old table; the hourly sweep
-- takes over what they wrote.
INSERT INTO audit_event (id, at, staff_id, institution_id, handbook_id, kind, action, tie, visit_id, request_id)
SELECT id, at, staff_id, institution_id, handbook_id, 'read', action, tie, visit_id, request_id FROM access_log;

-- Whose handbook a kept answer speaks of: giving it again is an event, too.
ALTER TABLE idempotency ADD COLUMN handbook_id {uuid};
