-- Recorded clicks as they came, a batch to a row; src/clicks/runs.rs tells how they are put in order, and
-- src/clicks/columns.rs what is in the data.
CREATE TABLE click_batches (
    seq INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    data BLOB NOT NULL
);

-- Recorded clicks of one owner each, sorted by link, in chunks.
CREATE TABLE click_runs (
    seq INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL,
    class INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    bare_to INTEGER NOT NULL
);
CREATE INDEX click_runs_by_owner ON click_runs (owner, class);

CREATE TABLE click_chunks (
    seq INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES click_runs (seq),
    clicks INTEGER NOT NULL,
    first_link TEXT NOT NULL,
    last_link TEXT NOT NULL
);
CREATE INDEX click_chunks_by_run ON click_chunks (run, last_link);

-- The columns of the chunks: the key is the chunk's number times 32 and the column's.
CREATE TABLE click_columns (
    key INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

-- Up to when an owner's clicks are to tell nothing of visitors; 0 stands for all owners. click_runs.bare_to says how far
-- this is done.
CREATE TABLE forgotten_visitors (
    owner INTEGER PRIMARY KEY,
    before INTEGER NOT NULL
);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    byte INTEGER NOT NULL,
    PRIMARY KEY (node, shard)
) WITHOUT ROWID;
