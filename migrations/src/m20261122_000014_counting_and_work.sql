-- Usage counters, the access log, and what keeps requests and jobs exact.

CREATE TABLE usage_evidence (
    handbook_id {uuid} NOT NULL REFERENCES handbook (id),
    kind        TEXT   NOT NULL CHECK (kind IN ('entry', 'scan', 'checkup', 'follow_up')),
    first_at    {time} NOT NULL,
    PRIMARY KEY (handbook_id, kind)
);

-- What somebody found who asked whether a handbook is in use (on paper, too).
CREATE TABLE usage_follow_up (
    id             {uuid} NOT NULL PRIMARY KEY,
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    staff_id       {uuid} NOT NULL REFERENCES staff (id),
    institution_id {uuid} REFERENCES institution (id),
    found          TEXT   NOT NULL CHECK (found IN ('used', 'not_used', 'lost')),
    note           {bytes},
    found_at       {time} NOT NULL
);
CREATE INDEX usage_follow_up_by_handbook ON usage_follow_up (handbook_id, id);

-- One row per institution, group, column, month of issue and month of first use (0: every issued handbook).
-- `event_month` is the later of the two: the month in which the row can still change.
CREATE TABLE usage_counter (
    institution_id {uuid}  NOT NULL REFERENCES institution (id),
    region_code    BIGINT  NOT NULL,
    issued_group   TEXT    NOT NULL,
    report_column  TEXT    NOT NULL,
    issued_in      INTEGER NOT NULL,
    used_in        INTEGER NOT NULL,
    event_month    INTEGER NOT NULL,
    count          BIGINT  NOT NULL,
    PRIMARY KEY (institution_id, issued_in, used_in, issued_group, report_column, region_code)
);
CREATE INDEX usage_counter_live ON usage_counter (event_month, region_code);
CREATE INDEX usage_counter_by_region ON usage_counter (region_code, issued_in);

-- Closed months, added up per region of every level.
CREATE TABLE usage_rollup (
    region_code   BIGINT  NOT NULL,
    region_level  TEXT    NOT NULL,
    issued_group  TEXT    NOT NULL,
    report_column TEXT    NOT NULL,
    issued_in     INTEGER NOT NULL,
    used_in       INTEGER NOT NULL,
    event_month   INTEGER NOT NULL,
    count         BIGINT  NOT NULL,
    PRIMARY KEY (region_level, region_code, issued_in, used_in, issued_group, report_column)
);
CREATE INDEX usage_rollup_by_month ON usage_rollup (event_month);

-- Months up to and including this one are in usage_rollup. One row.
CREATE TABLE usage_rolled (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    month INTEGER NOT NULL
);

CREATE TABLE usage_day (
    day            {date}  NOT NULL,
    institution_id {uuid}  NOT NULL REFERENCES institution (id),
    region_code    BIGINT  NOT NULL,
    issued_group   TEXT    NOT NULL,
    issued         BIGINT  NOT NULL,
    used           BIGINT  NOT NULL,
    PRIMARY KEY (day, institution_id, region_code, issued_group)
);
CREATE INDEX usage_day_by_region ON usage_day (region_code, day);
CREATE INDEX usage_day_by_day ON usage_day (day, region_code);

CREATE TABLE target (
    region_code  BIGINT  NOT NULL,
    region_level TEXT    NOT NULL,
    year         INTEGER NOT NULL,
    indicator    TEXT    NOT NULL,
    percent      INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    version      INTEGER NOT NULL,
    PRIMARY KEY (region_code, region_level, year, indicator)
);

CREATE TABLE access_log (
    id             {uuid} NOT NULL PRIMARY KEY,
    at             {time} NOT NULL,
    staff_id       {uuid} NOT NULL REFERENCES staff (id),
    institution_id {uuid} REFERENCES institution (id),
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    action         TEXT   NOT NULL,
    tie            TEXT,
    visit_id       {uuid} REFERENCES visit (id),
    request_id     {uuid} NOT NULL
);
CREATE INDEX access_log_by_handbook ON access_log (handbook_id, id DESC);
CREATE INDEX access_log_by_staff ON access_log (staff_id, id DESC);

-- First answers of requests that must act once, kept 48 hours.
CREATE TABLE idempotency (
    actor        {uuid}  NOT NULL,
    key          TEXT    NOT NULL,
    request_hash {bytes} NOT NULL,
    status       INTEGER NOT NULL,
    answer       {bytes} NOT NULL,
    created_at   {time}  NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

CREATE TABLE live_ticket (
    hash        {bytes} NOT NULL PRIMARY KEY,
    session_id  {uuid}  NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    handbook_id {uuid}  NOT NULL REFERENCES handbook (id),
    expires_at  {time}  NOT NULL
);
CREATE INDEX live_ticket_by_handbook ON live_ticket (handbook_id);
CREATE INDEX live_ticket_by_expiry ON live_ticket (expires_at);

CREATE TABLE job (
    id           {uuid}  NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    payload      {json}  NOT NULL,
    run_at       {time}  NOT NULL,
    attempts     INTEGER NOT NULL,
    locked_until {time},
    last_error   TEXT,
    dedup_key    TEXT UNIQUE
);
CREATE INDEX job_by_time ON job (run_at);
