-- What of a counter is not in the roll-up, by an expression of which PostgreSQL can be told how seldom it is not nought:
-- of `count <> rolled` it believes that nearly every row is meant, and read all counters for the few of them. The index
-- `usage_counter_pending` is that of replicas of the version before, while they last. A later step drops it.
CREATE INDEX usage_counter_to_roll_up ON usage_counter (region_code) WHERE count - rolled <> 0;
