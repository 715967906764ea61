-- When the family's or a clinic's latest record of a handbook was received. The next one is never dated before it, whichever
-- replica receives it and wherever its clock stands: first uses stay the earliest.
ALTER TABLE handbook ADD COLUMN written_at {time};
