-- Lists of persons that are read beyond the first lines or taken away: who asked, who agreed, what was taken.

CREATE TABLE disclosure (
    id             {uuid}  NOT NULL PRIMARY KEY,
    staff_id       {uuid}  NOT NULL REFERENCES staff (id),
    institution_id {uuid} REFERENCES institution (id),
    -- Where the asker answered then; the county that looks after it; and whether the level above does so, too.
    region_code    BIGINT  NOT NULL,
    region_level   TEXT    NOT NULL,
    county_code    BIGINT  NOT NULL,
    goes_above     BOOLEAN NOT NULL,
    list           TEXT    NOT NULL,
    filters        {json}  NOT NULL,
    -- The list with its filters and whose it is, as its cursors name it.
    list_key       TEXT    NOT NULL,
    form           TEXT    NOT NULL,
    -- Most lines that may be given.
    lines          BIGINT  NOT NULL,
    purpose        {bytes},
    state          TEXT    NOT NULL,
    asked_at       {time}  NOT NULL,
    decided_at     {time},
    decided_by     {uuid} REFERENCES staff (id),
    reason         {bytes},
    holds_until    {time},
    taken          INTEGER NOT NULL,
    taken_at       {time},
    -- When somebody who looks after the asker marked it as seen.
    seen_at        {time},
    seen_by        {uuid} REFERENCES staff (id)
);
CREATE INDEX disclosure_by_asker ON disclosure (staff_id, id);
CREATE INDEX disclosure_holding ON disclosure (staff_id, list_key, holds_until) WHERE holds_until IS NOT NULL;
CREATE INDEX disclosure_by_county ON disclosure (county_code, id);
CREATE INDEX disclosure_unseen ON disclosure (county_code, id) WHERE seen_at IS NULL;
CREATE INDEX disclosure_going_above ON disclosure (county_code, id) WHERE goes_above;
CREATE INDEX disclosure_waiting ON disclosure (asked_at) WHERE state = 'waiting';
CREATE INDEX disclosure_ready ON disclosure (holds_until) WHERE state = 'ready';
CREATE INDEX disclosure_by_time ON disclosure (asked_at);

-- What an account was given on a day.
CREATE TABLE disclosure_day (
    staff_id   {uuid}  NOT NULL REFERENCES staff (id),
    day        {date}  NOT NULL,
    lines      BIGINT  NOT NULL,
    exports    INTEGER NOT NULL,
    -- A file is on its way until then: one at a time.
    busy_until {time},
    -- When the county was told that the account ran into its limit.
    told_at    {time},
    PRIMARY KEY (staff_id, day)
);
CREATE INDEX disclosure_day_by_day ON disclosure_day (day);

-- Whose lines an account was shown on a day: a list that is loaded again counts once.
CREATE TABLE disclosure_shown (
    staff_id    {uuid} NOT NULL REFERENCES staff (id),
    day         {date} NOT NULL,
    handbook_id {uuid} NOT NULL,
    PRIMARY KEY (staff_id, day, handbook_id)
);
CREATE INDEX disclosure_shown_by_day ON disclosure_shown (day);

-- Handbooks that are to be followed up because nobody uses them, village by village.
CREATE INDEX handbook_unused_by_region ON handbook (region_code, id) WHERE first_used_at IS NULL AND closed_at IS NULL;
CREATE INDEX handbook_unused_by_manager ON handbook (managing_id, region_code, id) WHERE first_used_at IS NULL AND closed_at IS NULL;
