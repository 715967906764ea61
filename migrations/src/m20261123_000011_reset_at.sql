-- When a password was last issued: whoever issued it does not look over what the account did soon after.
ALTER TABLE staff ADD COLUMN reset_at {time};
