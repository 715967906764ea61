-- Every password that was issued: whoever issued one does not look over what the account did soon after, whoever issued the next.

CREATE TABLE password_issue (
    staff_id  {uuid} NOT NULL REFERENCES staff (id),
    issued_at {time} NOT NULL,
    issuer_id {uuid} NOT NULL,
    PRIMARY KEY (staff_id, issued_at, issuer_id)
);
INSERT INTO password_issue (staff_id, issued_at, issuer_id)
    SELECT id, reset_at, reset_by FROM staff WHERE reset_by IS NOT NULL AND reset_at IS NOT NULL;
