-- QR codes, visits and the dated records of a handbook.

CREATE TABLE code (
    id          {uuid}  NOT NULL PRIMARY KEY,
    handbook_id {uuid}  NOT NULL REFERENCES handbook (id),
    token_hash  {bytes} NOT NULL UNIQUE,
    made_by     {uuid}  NOT NULL REFERENCES member (id),
    made_at     {time}  NOT NULL,
    expires_at  {time}  NOT NULL,
    redeemed_at {time},
    revoked_at  {time}
);
CREATE INDEX code_by_handbook ON code (handbook_id, id);
CREATE INDEX code_by_expiry ON code (expires_at);

CREATE TABLE visit (
    id             {uuid}  NOT NULL PRIMARY KEY,
    handbook_id    {uuid}  NOT NULL REFERENCES handbook (id),
    institution_id {uuid}  NOT NULL REFERENCES institution (id),
    staff_id       {uuid}  NOT NULL REFERENCES staff (id),
    kind           TEXT    NOT NULL,
    reason         {bytes},
    opened_at      {time}  NOT NULL,
    ends_at        {time}  NOT NULL
);
CREATE INDEX visit_by_handbook ON visit (handbook_id, institution_id, opened_at);
CREATE INDEX visit_by_institution ON visit (institution_id, opened_at, id);

-- What an emergency access adds to its visit: why, and what the county that answers for the family found.
CREATE TABLE break_glass (
    visit_id    {uuid} NOT NULL PRIMARY KEY REFERENCES visit (id),
    region_code BIGINT NOT NULL,
    reason_code TEXT   NOT NULL,
    reviewed_at {time},
    reviewed_by {uuid} REFERENCES staff (id),
    accepted    BOOLEAN,
    note        {bytes}
);
CREATE INDEX break_glass_by_region ON break_glass (region_code, visit_id);
CREATE INDEX break_glass_to_review ON break_glass (region_code, visit_id) WHERE reviewed_at IS NULL;

CREATE TABLE delegation (
    id             {uuid} NOT NULL PRIMARY KEY,
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    staff_id       {uuid} NOT NULL REFERENCES staff (id),
    institution_id {uuid} NOT NULL REFERENCES institution (id),
    created_by     {uuid} NOT NULL REFERENCES staff (id),
    created_at     {time} NOT NULL,
    ended_at       {time}
);
CREATE UNIQUE INDEX delegation_live ON delegation (handbook_id, staff_id) WHERE ended_at IS NULL;
CREATE INDEX delegation_by_handbook ON delegation (handbook_id, id);
CREATE INDEX delegation_by_staff ON delegation (staff_id, id);

CREATE TABLE record (
    id               {uuid}  NOT NULL PRIMARY KEY,
    handbook_id      {uuid}  NOT NULL REFERENCES handbook (id),
    subject          TEXT    NOT NULL CHECK (subject IN ('woman', 'child', 'household')),
    child_id         {uuid} REFERENCES child (id),
    pregnancy_id     {uuid} REFERENCES pregnancy (id),
    source           TEXT    NOT NULL CHECK (source IN ('family', 'clinician', 'import')),
    kind             TEXT    NOT NULL,
    edition          TEXT    NOT NULL,
    occurred_on      {date}  NOT NULL,
    occurred_at      {time},
    user_id          {uuid} REFERENCES wechat_user (id),
    staff_id         {uuid} REFERENCES staff (id),
    author_role      TEXT    NOT NULL,
    institution_id   {uuid} REFERENCES institution (id),
    visit_id         {uuid} REFERENCES visit (id),
    state            TEXT    NOT NULL CHECK (state IN ('live', 'withdrawn', 'voided')),
    is_private       BOOLEAN NOT NULL,
    -- The institution that is to countersign what its village doctor wrote; it moves with the handbook.
    awaits_countersign_of {uuid} REFERENCES institution (id),
    countersigned_by {uuid} REFERENCES staff (id),
    payload          {json}  NOT NULL,
    -- Sensitive fields, free text, identity, and warnings that speak of a sensitive field.
    sealed           {bytes},
    warnings         {json}  NOT NULL,
    -- Ids of the photos that hang on the record, so that a page of the timeline is one query.
    photos           {json}  NOT NULL DEFAULT '[]',
    override_reason  {bytes},
    recorded_at      {time}  NOT NULL,
    changed_at       {time}  NOT NULL,
    -- When the content last changed; hiding or countersigning a record leaves it alone.
    edited_at        {time},
    change_seq       BIGINT  NOT NULL,
    -- The change that hid the record from staff who could see it before; empty where they never could.
    hidden_seq       BIGINT,
    version          INTEGER NOT NULL
);
CREATE INDEX record_timeline ON record (handbook_id, occurred_on DESC, id DESC);
CREATE INDEX record_changes ON record (handbook_id, change_seq);
CREATE INDEX record_hidden ON record (handbook_id, hidden_seq) WHERE hidden_seq IS NOT NULL;
CREATE INDEX record_awaiting ON record (awaits_countersign_of, id) WHERE awaits_countersign_of IS NOT NULL;
CREATE INDEX record_by_author ON record (staff_id, id) WHERE staff_id IS NOT NULL;

-- A rule that a handbook administrator set aside: in which issue or record the reason stands, and what the county that
-- answers for the family found.
CREATE TABLE rule_override (
    id             {uuid} NOT NULL PRIMARY KEY,
    kind           TEXT   NOT NULL CHECK (kind IN ('issue', 'checkup')),
    county_code    BIGINT NOT NULL,
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    issuance_id    {uuid} UNIQUE REFERENCES issuance (id),
    record_id      {uuid} UNIQUE REFERENCES record (id),
    institution_id {uuid} NOT NULL REFERENCES institution (id),
    staff_id       {uuid} NOT NULL REFERENCES staff (id),
    made_at        {time} NOT NULL,
    reviewed_at    {time},
    reviewed_by    {uuid} REFERENCES staff (id),
    accepted       BOOLEAN,
    note           {bytes},
    CHECK ((issuance_id IS NULL) <> (record_id IS NULL))
);
CREATE INDEX rule_override_by_county ON rule_override (county_code, id);
CREATE INDEX rule_override_to_review ON rule_override (county_code, id) WHERE reviewed_at IS NULL;
CREATE INDEX rule_override_by_handbook ON rule_override (handbook_id);

-- Every state that a record had before the present one.
CREATE TABLE record_version (
    record_id  {uuid}  NOT NULL REFERENCES record (id),
    version    INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    is_private BOOLEAN NOT NULL,
    occurred_on {date} NOT NULL,
    payload    {json}  NOT NULL,
    sealed     {bytes},
    warnings   {json}  NOT NULL,
    -- Who replaced this version, and why.
    user_id    {uuid} REFERENCES wechat_user (id),
    staff_id   {uuid} REFERENCES staff (id),
    reason     {bytes},
    replaced_at {time} NOT NULL,
    PRIMARY KEY (record_id, version)
);

CREATE TABLE photo (
    id           {uuid}  NOT NULL PRIMARY KEY,
    handbook_id  {uuid}  NOT NULL REFERENCES handbook (id),
    record_id    {uuid} REFERENCES record (id),
    user_id      {uuid}  NOT NULL REFERENCES wechat_user (id),
    content_type TEXT    NOT NULL,
    bytes        INTEGER NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    created_at   {time}  NOT NULL
);
CREATE INDEX photo_by_handbook ON photo (handbook_id, id);
CREATE INDEX photo_by_record ON photo (record_id);
CREATE INDEX photo_unattached ON photo (created_at) WHERE record_id IS NULL;

-- A danger sign of a family entry, shown to the managing institution until somebody answers it.
CREATE TABLE alert (
    id             {uuid} NOT NULL PRIMARY KEY,
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    record_id      {uuid} NOT NULL REFERENCES record (id),
    institution_id {uuid} NOT NULL REFERENCES institution (id),
    county_code    BIGINT NOT NULL,
    level          TEXT   NOT NULL,
    -- The ids of the warnings: they say what the sealed part of the record says.
    signs          {bytes} NOT NULL,
    raised_at      {time} NOT NULL,
    answered_at    {time},
    answered_by    {uuid} REFERENCES staff (id),
    answer         {bytes}
);
CREATE INDEX alert_by_institution ON alert (institution_id, answered_at, id);
CREATE INDEX alert_by_county ON alert (county_code, answered_at, id);
CREATE INDEX alert_by_handbook ON alert (handbook_id, id);

-- What the family is told: a visit without their phone, emergency access, a new member.
CREATE TABLE notice (
    id             {uuid} NOT NULL PRIMARY KEY,
    handbook_id    {uuid} NOT NULL REFERENCES handbook (id),
    kind           TEXT   NOT NULL,
    institution_id {uuid} REFERENCES institution (id),
    record_id      {uuid} REFERENCES record (id),
    raised_at      {time} NOT NULL,
    change_seq     BIGINT NOT NULL
);
CREATE INDEX notice_by_handbook ON notice (handbook_id, change_seq);
