-- The keys that this database was written with, so that a process that lacks one says so before it serves.

CREATE TABLE key_in_use (
    purpose    TEXT    NOT NULL CHECK (purpose IN ('data', 'index', 'print')),
    id         INTEGER NOT NULL,
    -- next: here, and seals nothing yet. active: seals (or signs). decrypt_only: still opens (or checks) what it sealed.
    -- destroyed: seals nothing any more; its id is never used again.
    state      TEXT    NOT NULL CHECK (state IN ('next', 'active', 'decrypt_only', 'destroyed')),
    -- A few bytes by which the key is known again.
    mark       {bytes} NOT NULL,
    changed_at {time}  NOT NULL,
    PRIMARY KEY (purpose, id)
);
CREATE UNIQUE INDEX key_in_use_active ON key_in_use (purpose) WHERE state = 'active';

-- What was dropped for good, so that a backup from before does not bring it back.
CREATE TABLE tombstone (
    kind TEXT   NOT NULL,
    id   {uuid} NOT NULL,
    at   {time} NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX tombstone_by_time ON tombstone (at);

-- When this database came out of a backup, and what it held then.
CREATE TABLE restoration (
    id          {uuid} NOT NULL PRIMARY KEY,
    restored_at {time} NOT NULL,
    -- When the backup was taken; empty where something else than Muzi restored it.
    taken_at    {time},
    tables      {json} NOT NULL
);
