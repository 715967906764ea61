-- What an account asked for on a day is added up before it is given more.
CREATE INDEX disclosure_by_asker_and_time ON disclosure (staff_id, asked_at);
