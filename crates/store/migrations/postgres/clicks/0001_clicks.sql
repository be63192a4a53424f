-- Recorded clicks, a batch of them to a row; src/clicks/block.rs tells what is in one.
CREATE TABLE click_blocks (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    facts BIGINT NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX click_blocks_by_time ON click_blocks (first_at);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    byte BIGINT NOT NULL,
    PRIMARY KEY (node, shard)
);
