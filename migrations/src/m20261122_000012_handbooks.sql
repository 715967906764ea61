-- Handbooks, their subjects and their members.

CREATE TABLE number_series (
    county_code BIGINT  NOT NULL,
    year        INTEGER NOT NULL,
    last_serial BIGINT  NOT NULL,
    PRIMARY KEY (county_code, year)
);

CREATE TABLE handbook (
    id               {uuid} NOT NULL PRIMARY KEY,
    number           TEXT   NOT NULL UNIQUE,
    state            TEXT   NOT NULL CHECK (state IN ('blank', 'issued', 'claimed', 'closed', 'replaced')),
    issued_group     TEXT   NOT NULL CHECK (issued_group IN ('planning', 'pregnant', 'child')),
    region_code      BIGINT NOT NULL,
    woman_id         {uuid} REFERENCES person (id),
    -- The woman whose pregnancy (or plan) this handbook waits for: one live handbook per pregnancy.
    expecting_id     {uuid} UNIQUE REFERENCES person (id),
    -- The day of her death, unless it stands as the outcome of a pregnancy (maternal death).
    woman_died_on    {date},
    issued_on        {date} NOT NULL,
    issued_by        {uuid} NOT NULL REFERENCES institution (id),
    managing_id      {uuid} NOT NULL REFERENCES institution (id),
    slip_hash        {bytes} UNIQUE,
    slip_expires_at  {time},
    -- Who alone may claim by the slip: of a re-claim whoever the lost account was, of a first claim the woman when the desk
    -- saw her. Empty on a slip for anybody.
    slip_relation    TEXT,
    -- Set on a slip that re-claims: the membership that ends by it. Its table comes after this one and refers to it.
    slip_member_id   {uuid},
    printed_serial   INTEGER NOT NULL,
    first_used_at    {time},
    change_seq       BIGINT NOT NULL,
    -- The handbook whose issue this one's use counts for: itself, or the one that it replaces.
    counts_as        {uuid} NOT NULL REFERENCES handbook (id),
    closed_at        {time},
    close_reason     TEXT,
    successor_id     {uuid} REFERENCES handbook (id),
    created_at       {time} NOT NULL,
    version          INTEGER NOT NULL
);
CREATE INDEX handbook_by_woman ON handbook (woman_id);
CREATE INDEX handbook_by_manager ON handbook (managing_id, id);
CREATE INDEX handbook_by_issuer ON handbook (issued_by, id);
CREATE INDEX handbook_by_region ON handbook (region_code, id);
CREATE INDEX handbook_by_counted ON handbook (counts_as);

CREATE TABLE issuance (
    id              {uuid}  NOT NULL PRIMARY KEY,
    handbook_id     {uuid}  NOT NULL REFERENCES handbook (id),
    kind            TEXT    NOT NULL CHECK (kind IN ('issue', 'reissue', 'replace')),
    institution_id  {uuid}  NOT NULL REFERENCES institution (id),
    staff_id        {uuid}  NOT NULL REFERENCES staff (id),
    region_code     BIGINT  NOT NULL,
    issued_group    TEXT    NOT NULL,
    agency_class    TEXT    NOT NULL,
    report_column   TEXT    NOT NULL,
    edition         TEXT    NOT NULL,
    explained       {json}  NOT NULL,
    override_reason {bytes},
    issued_at       {time}  NOT NULL,
    issued_in       INTEGER NOT NULL
);
CREATE INDEX issuance_by_handbook ON issuance (handbook_id, id);
CREATE INDEX issuance_by_region ON issuance (region_code, issued_in, id);

CREATE TABLE pregnancy (
    id             {uuid}  NOT NULL PRIMARY KEY,
    handbook_id    {uuid}  NOT NULL REFERENCES handbook (id),
    last_period_on {date},
    due_on         {date}  NOT NULL,
    dating         TEXT    NOT NULL,
    fetuses        INTEGER NOT NULL,
    outcome        TEXT,
    ended_on       {date},
    discharged_on  {date},
    -- The grade in force, from the latest confirmed assessment; purple may stand beside any colour.
    risk_grade     TEXT CHECK (risk_grade IN ('green', 'yellow', 'orange', 'red')),
    risk_purple    BOOLEAN NOT NULL,
    created_at     {time}  NOT NULL,
    version        INTEGER NOT NULL
);
CREATE INDEX pregnancy_by_handbook ON pregnancy (handbook_id, id);
CREATE UNIQUE INDEX pregnancy_open ON pregnancy (handbook_id) WHERE outcome IS NULL;

CREATE TABLE child (
    id               {uuid}  NOT NULL PRIMARY KEY,
    handbook_id      {uuid}  NOT NULL REFERENCES handbook (id),
    pregnancy_id     {uuid} REFERENCES pregnancy (id),
    person_id        {uuid}  NOT NULL REFERENCES person (id),
    -- Keyed hash of who the child is, while the handbook lives: one live handbook per child.
    identity_index   {bytes} UNIQUE,
    birth_order      INTEGER NOT NULL,
    born_on          {date}  NOT NULL,
    born_at          {time},
    birth_weight_g   INTEGER,
    gestational_days INTEGER,
    ended_on         {date},
    -- Set when the birth was taken back as recorded in error: the row stays for the voided records that point to it, and
    -- nobody sees the child any more.
    voided_at        {time},
    version          INTEGER NOT NULL
);
CREATE INDEX child_by_handbook ON child (handbook_id, born_on, birth_order);
-- A child that comes back after its handbook was closed is the same person in a new handbook.
CREATE INDEX child_by_person ON child (person_id);

CREATE TABLE member (
    id          {uuid}  NOT NULL PRIMARY KEY,
    handbook_id {uuid}  NOT NULL REFERENCES handbook (id),
    user_id     {uuid}  NOT NULL REFERENCES wechat_user (id),
    role        TEXT    NOT NULL CHECK (role IN ('owner', 'guardian', 'viewer')),
    relation    TEXT    NOT NULL,
    is_woman    BOOLEAN NOT NULL,
    joined_at   {time}  NOT NULL,
    ended_at    {time},
    version     INTEGER NOT NULL
);
CREATE UNIQUE INDEX member_live ON member (handbook_id, user_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX member_woman ON member (handbook_id) WHERE is_woman AND ended_at IS NULL;
CREATE INDEX member_by_handbook ON member (handbook_id, id);
CREATE INDEX member_by_user ON member (user_id, id);

CREATE TABLE invitation (
    id          {uuid}  NOT NULL PRIMARY KEY,
    handbook_id {uuid}  NOT NULL REFERENCES handbook (id),
    code_hash   {bytes} NOT NULL UNIQUE,
    role        TEXT    NOT NULL,
    relation    TEXT    NOT NULL,
    invited_by  {uuid}  NOT NULL REFERENCES member (id),
    created_at  {time}  NOT NULL,
    expires_at  {time}  NOT NULL,
    used_at     {time},
    revoked_at  {time}
);
CREATE INDEX invitation_by_handbook ON invitation (handbook_id, id);

CREATE TABLE consent (
    id           {uuid}  NOT NULL PRIMARY KEY,
    handbook_id  {uuid}  NOT NULL REFERENCES handbook (id),
    user_id      {uuid}  NOT NULL REFERENCES wechat_user (id),
    text_version TEXT    NOT NULL,
    as_guardian  BOOLEAN NOT NULL,
    given_at     {time}  NOT NULL
);
CREATE INDEX consent_by_handbook ON consent (handbook_id, id);

-- What staff changed about a handbook at a desk, and why. `before` holds the identity that was corrected.
CREATE TABLE desk_act (
    id             {uuid}  NOT NULL PRIMARY KEY,
    handbook_id    {uuid}  NOT NULL REFERENCES handbook (id),
    action         TEXT    NOT NULL,
    staff_id       {uuid}  NOT NULL REFERENCES staff (id),
    institution_id {uuid} REFERENCES institution (id),
    person_id      {uuid} REFERENCES person (id),
    reason         {bytes} NOT NULL,
    before         {bytes},
    done_at        {time}  NOT NULL
);
CREATE INDEX desk_act_by_handbook ON desk_act (handbook_id, id);
