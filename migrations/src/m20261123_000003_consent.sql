-- Consent by purpose, closing of accounts with what is kept after it, and requests for correction.

-- What somebody agreed to or took back. Rows are added and never changed (see the triggers); one that follows its handbook
-- to a successor changes its handbook alone.
CREATE TABLE consent_event (
    id           {uuid}  NOT NULL PRIMARY KEY,
    handbook_id  {uuid}  NOT NULL REFERENCES handbook (id),
    purpose      TEXT    NOT NULL,
    given        BOOLEAN NOT NULL,
    text_version TEXT    NOT NULL,
    -- SHA-256 of the text that was shown, in hexadecimal.
    text_hash    TEXT    NOT NULL,
    user_id      {uuid}  NOT NULL REFERENCES wechat_user (id),
    as_guardian  BOOLEAN NOT NULL,
    channel      TEXT    NOT NULL,
    at           {time}  NOT NULL
);
CREATE INDEX consent_event_by_handbook ON consent_event (handbook_id, id);

-- What was agreed to at claims so far: the only text that there was.
INSERT INTO consent_event (id, handbook_id, purpose, given, text_version, text_hash, user_id, as_guardian, channel, at)
SELECT id, handbook_id, 'basic', true, text_version, 'ce5b07b191d7f8e39a6566e9484d114be8eb9e5e394dcfe409cf73300adf5790', user_id, as_guardian, 'wechat', given_at
FROM consent;

-- Versions of the texts that stand agreed to. What was claimed before, agreed to the privacy text of November 2026, which
-- says who sees the entries and that a guardian consents for a child.
ALTER TABLE member ADD COLUMN agreed_to TEXT NOT NULL DEFAULT '2026-11';
ALTER TABLE handbook ADD COLUMN shares_entries TEXT DEFAULT '2026-11';
ALTER TABLE handbook ADD COLUMN child_agreed TEXT DEFAULT '2026-11';

-- The last member closed the account; a claim starts anew.
ALTER TABLE handbook ADD COLUMN family_left_at {time};
-- Its clinical part is kept for the law until this day and used for nothing but an emergency.
ALTER TABLE handbook ADD COLUMN blocked_until {date};
-- Nobody is in it any more: what is left is counted.
ALTER TABLE handbook ADD COLUMN erased_at {time};
CREATE INDEX handbook_left ON handbook (family_left_at, id) WHERE family_left_at IS NOT NULL AND blocked_until IS NULL;
CREATE INDEX handbook_blocked ON handbook (blocked_until) WHERE blocked_until IS NOT NULL AND erased_at IS NULL;

-- The row of a closed account stays for what refers to it, and leads to nobody.
ALTER TABLE wechat_user ADD COLUMN closed_at {time};
CREATE INDEX wechat_user_by_person ON wechat_user (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX desk_act_by_person ON desk_act (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX handbook_expecting ON handbook (expecting_id) WHERE expecting_id IS NOT NULL;

-- What is deleted must not look through whole tables for what refers to it.
CREATE INDEX alert_by_record ON alert (record_id);
CREATE INDEX notice_by_record ON notice (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX code_by_maker ON code (made_by);
CREATE INDEX invitation_by_inviter ON invitation (invited_by);
CREATE INDEX record_erased ON record (changed_at) WHERE kind = 'erased';

-- A family asks to correct what a clinician wrote.
CREATE TABLE correction_request (
    id             {uuid}  NOT NULL PRIMARY KEY,
    handbook_id    {uuid}  NOT NULL REFERENCES handbook (id),
    record_id      {uuid}  NOT NULL REFERENCES record (id),
    -- The version that the family saw.
    record_version INTEGER NOT NULL,
    user_id        {uuid}  NOT NULL REFERENCES wechat_user (id),
    institution_id {uuid}  NOT NULL REFERENCES institution (id),
    county_code    BIGINT  NOT NULL,
    state          TEXT    NOT NULL,
    says           {bytes} NOT NULL,
    asked_at       {time}  NOT NULL,
    due_on         {date}  NOT NULL,
    answered_at    {time},
    answered_by    {uuid} REFERENCES staff (id),
    new_version    INTEGER,
    reason         {bytes}
);
CREATE UNIQUE INDEX correction_request_open ON correction_request (record_id, user_id) WHERE answered_at IS NULL;
CREATE INDEX correction_request_by_record ON correction_request (record_id);
CREATE INDEX correction_request_by_handbook ON correction_request (handbook_id, id);
CREATE INDEX correction_request_by_institution ON correction_request (institution_id, state, id);
CREATE INDEX correction_request_by_county ON correction_request (county_code, state, id);

-- What a closing or the end of a period did to which kind of data, and on what ground.
CREATE TABLE retention_receipt (
    id          {uuid} NOT NULL PRIMARY KEY,
    handbook_id {uuid} REFERENCES handbook (id),
    cause       TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    end_state   TEXT   NOT NULL,
    amount      BIGINT NOT NULL,
    basis       TEXT   NOT NULL,
    done_at     {time} NOT NULL
);
CREATE INDEX retention_receipt_by_time ON retention_receipt (done_at, id);
CREATE INDEX retention_receipt_by_handbook ON retention_receipt (handbook_id, id) WHERE handbook_id IS NOT NULL;
