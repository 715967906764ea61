-- The phone that a desk wrote down for one handbook, at its issue or in a correction: it alone proves the woman there. A
-- handbook from before has no row; for it what is known of the woman counts. Empty where a desk took it away.
CREATE TABLE handbook_contact (
    id          {uuid}  NOT NULL PRIMARY KEY,
    handbook_id {uuid}  NOT NULL UNIQUE REFERENCES handbook (id),
    phone       {bytes} NOT NULL
);

-- Who made an account, and who last issued its password: neither has own emergencies reviewed by it.
ALTER TABLE staff ADD COLUMN made_by {uuid};
ALTER TABLE staff ADD COLUMN reset_by {uuid};
