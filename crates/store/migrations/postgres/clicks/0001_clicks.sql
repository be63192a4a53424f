CREATE TABLE clicks (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    link_id TEXT NOT NULL,
    class TEXT NOT NULL,
    reason TEXT NOT NULL,
    choice TEXT NOT NULL,
    device TEXT NOT NULL,
    os TEXT NOT NULL,
    browser TEXT NOT NULL,
    language TEXT,
    referrer TEXT,
    visitor BIGINT NOT NULL
);
CREATE INDEX clicks_by_link ON clicks (owner, link_id, at);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    byte BIGINT NOT NULL,
    PRIMARY KEY (node, shard)
);
