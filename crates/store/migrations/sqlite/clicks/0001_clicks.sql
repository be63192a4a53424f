CREATE TABLE clicks (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    link_id TEXT NOT NULL,
    class TEXT NOT NULL,
    reason TEXT NOT NULL,
    choice TEXT NOT NULL,
    device TEXT NOT NULL,
    os TEXT NOT NULL,
    browser TEXT NOT NULL,
    language TEXT,
    referrer TEXT,
    visitor INTEGER NOT NULL
);
CREATE INDEX clicks_by_link ON clicks (owner, link_id, at);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    byte INTEGER NOT NULL,
    PRIMARY KEY (node, shard)
) WITHOUT ROWID;
