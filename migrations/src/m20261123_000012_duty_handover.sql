-- What was waiting for an institution when a handbook was transferred: until then it answered, from then on the other does.

CREATE TABLE duty_handover (
    id                  {uuid} NOT NULL PRIMARY KEY,
    handbook_id         {uuid} NOT NULL REFERENCES handbook (id),
    record_id           {uuid} NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    -- The danger sign that waited for an answer; else the record waited for a countersign.
    alert_id            {uuid} REFERENCES alert (id) ON DELETE CASCADE,
    from_institution_id {uuid} NOT NULL REFERENCES institution (id),
    to_institution_id   {uuid} NOT NULL REFERENCES institution (id),
    at                  {time} NOT NULL
);
CREATE INDEX duty_handover_by_handbook ON duty_handover (handbook_id, at, id);
CREATE INDEX duty_handover_by_record ON duty_handover (record_id);
CREATE INDEX duty_handover_by_alert ON duty_handover (alert_id) WHERE alert_id IS NOT NULL;
