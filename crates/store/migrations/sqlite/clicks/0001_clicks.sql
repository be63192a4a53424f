-- Recorded clicks, a batch of them to a row; src/clicks/block.rs tells what is in one.
CREATE TABLE click_blocks (
    seq INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    facts INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX click_blocks_by_time ON click_blocks (first_at);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    byte INTEGER NOT NULL,
    PRIMARY KEY (node, shard)
) WITHOUT ROWID;
