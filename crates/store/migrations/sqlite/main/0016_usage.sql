-- How the API is used: counts of an hour, by whoever asked and what for.
CREATE TABLE api_usage (
    owner INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    actor TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    requests INTEGER NOT NULL,
    client_errors INTEGER NOT NULL,
    server_errors INTEGER NOT NULL,
    limit_hits INTEGER NOT NULL,
    PRIMARY KEY (owner, hour, actor, endpoint)
) WITHOUT ROWID;
CREATE INDEX api_usage_by_hour ON api_usage (hour);
