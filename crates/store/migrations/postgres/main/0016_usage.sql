-- How the API is used: counts of an hour, by whoever asked and what for.
CREATE TABLE api_usage (
    owner BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    endpoint TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    client_errors BIGINT NOT NULL,
    server_errors BIGINT NOT NULL,
    limit_hits BIGINT NOT NULL,
    PRIMARY KEY (owner, hour, actor, endpoint)
);
CREATE INDEX api_usage_by_hour ON api_usage (hour);
