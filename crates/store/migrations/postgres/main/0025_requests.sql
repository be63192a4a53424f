-- Requests that callers have made within a minute, on all nodes together. A caller is a number that says nothing of whom it stands
-- for. What is lost with a crash is a minute of counts, so nothing of it goes into the log.
CREATE UNLOGGED TABLE requests (
    minute BIGINT NOT NULL,
    caller BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (minute, caller)
);
