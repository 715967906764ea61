-- Places, institutions, people and their sign-in.
-- Words in braces stand for the column types that differ between SQLite and PostgreSQL (see lib.rs).

CREATE TABLE region (
    code        BIGINT NOT NULL,
    level       TEXT   NOT NULL CHECK (level IN ('province', 'city', 'county', 'town', 'village')),
    name_zh     TEXT   NOT NULL,
    parent_code BIGINT,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (code, level)
);
CREATE INDEX region_by_parent ON region (parent_code, code);
CREATE INDEX region_by_level ON region (level, code);

CREATE TABLE institution (
    id               {uuid} NOT NULL PRIMARY KEY,
    name             TEXT   NOT NULL,
    region_code      BIGINT NOT NULL,
    region_level     TEXT   NOT NULL,
    classes          {json} NOT NULL,
    level            TEXT   NOT NULL,
    midwifery        BOOLEAN NOT NULL,
    is_service_point BOOLEAN NOT NULL,
    administrator_id {uuid},
    issues_to        {json} NOT NULL,
    phone            TEXT   NOT NULL,
    created_at       {time} NOT NULL,
    ended_at         {time},
    version          INTEGER NOT NULL,
    FOREIGN KEY (region_code, region_level) REFERENCES region (code, level)
);
CREATE INDEX institution_by_region ON institution (region_code, id);

-- Which institution manages the subjects that live in a region.
CREATE TABLE catchment (
    region_code    BIGINT NOT NULL,
    region_level   TEXT   NOT NULL,
    institution_id {uuid} NOT NULL REFERENCES institution (id),
    PRIMARY KEY (region_code, region_level)
);
CREATE INDEX catchment_by_institution ON catchment (institution_id);

CREATE TABLE staff (
    id              {uuid}  NOT NULL PRIMARY KEY,
    user_name       TEXT    NOT NULL UNIQUE,
    name            {bytes} NOT NULL,
    title           TEXT    NOT NULL,
    roles           {json}  NOT NULL,
    institution_id  {uuid} REFERENCES institution (id),
    -- Empty for a system administrator, who answers for the whole country.
    region_code     BIGINT,
    region_level    TEXT,
    trained_on      {date},
    password_hash   TEXT    NOT NULL,
    password_issued BOOLEAN NOT NULL,
    totp            {bytes},
    -- The last time step whose code was used; -1 while the secret waits for its first code.
    totp_last_step  BIGINT  NOT NULL,
    created_at      {time}  NOT NULL,
    left_on         {date},
    version         INTEGER NOT NULL,
    CHECK ((region_code IS NULL) = (region_level IS NULL)),
    FOREIGN KEY (region_code, region_level) REFERENCES region (code, level)
);
CREATE INDEX staff_by_institution ON staff (institution_id, id);
CREATE INDEX staff_by_region ON staff (region_code, id);

CREATE TABLE person (
    id              {uuid}  NOT NULL PRIMARY KEY,
    identity        {bytes} NOT NULL,
    id_number_index {bytes} UNIQUE,
    phone_index     {bytes},
    born_on         {date},
    sex             TEXT,
    region_code     BIGINT,
    created_at      {time}  NOT NULL,
    version         INTEGER NOT NULL
);
CREATE INDEX person_by_phone ON person (phone_index);

-- "user" is a reserved word in PostgreSQL.
CREATE TABLE wechat_user (
    id           {uuid}  NOT NULL PRIMARY KEY,
    openid       {bytes} NOT NULL,
    openid_index {bytes} NOT NULL UNIQUE,
    unionid      {bytes},
    person_id    {uuid} REFERENCES person (id),
    created_at   {time}  NOT NULL
);

CREATE TABLE session (
    id         {uuid} NOT NULL PRIMARY KEY,
    user_id    {uuid} REFERENCES wechat_user (id),
    staff_id   {uuid} REFERENCES staff (id),
    device     TEXT   NOT NULL,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    ended_at   {time},
    CHECK ((user_id IS NULL) <> (staff_id IS NULL))
);
CREATE INDEX session_by_user ON session (user_id, id);
CREATE INDEX session_by_staff ON session (staff_id, id);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE refresh_token (
    hash       {bytes} NOT NULL PRIMARY KEY,
    session_id {uuid}  NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    issued_at  {time}  NOT NULL,
    used_at    {time}
);
CREATE INDEX refresh_token_by_session ON refresh_token (session_id);

-- Wrong tries of any kind: sign-in by account and by address, last four, claims. The key is a keyed hash.
CREATE TABLE throttle (
    key      {bytes} NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at  {time}  NOT NULL
);
CREATE INDEX throttle_by_time ON throttle (last_at);
