-- The roll-up of the usage counters is no longer made month by month when a month is closed, but every hour from what was
-- counted since: whatever `count` is more than `rolled` stands in the counter alone.

ALTER TABLE usage_counter ADD COLUMN rolled BIGINT NOT NULL DEFAULT 0;
UPDATE usage_counter SET rolled = count WHERE event_month <= (SELECT month FROM usage_rolled);
CREATE INDEX usage_counter_pending ON usage_counter (region_code) WHERE count <> rolled;

-- The mark up to which months are rolled up is read by replicas of the version before, while they last: beyond every
-- month, so that they roll up nothing and read the roll-up alone, at most an hour late. A later step drops the table.
UPDATE usage_rolled SET month = 40000;
INSERT INTO usage_rolled (id, month) SELECT 1, 40000 WHERE NOT EXISTS (SELECT 1 FROM usage_rolled);
