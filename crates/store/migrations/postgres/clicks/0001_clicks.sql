-- Recorded clicks as they came, a batch to a row; src/clicks/runs.rs tells how they are put in order, and
-- src/clicks/columns.rs what is in the data.
CREATE TABLE click_batches (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    data BYTEA NOT NULL
);

-- Recorded clicks of one owner each, sorted by link, in chunks.
CREATE TABLE click_runs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner BIGINT NOT NULL,
    class BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    bare_to BIGINT NOT NULL
);
CREATE INDEX click_runs_by_owner ON click_runs (owner, class);

CREATE TABLE click_chunks (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run BIGINT NOT NULL REFERENCES click_runs (seq),
    clicks BIGINT NOT NULL,
    first_link TEXT COLLATE "C" NOT NULL,
    last_link TEXT COLLATE "C" NOT NULL
);
CREATE INDEX click_chunks_by_run ON click_chunks (run, last_link);

-- The columns of the chunks: the key is the chunk's number times 32 and the column's.
CREATE TABLE click_columns (
    key BIGINT PRIMARY KEY,
    data BYTEA NOT NULL
);

-- Up to when an owner's clicks are to tell nothing of visitors; 0 stands for all owners. click_runs.bare_to says how far
-- this is done.
CREATE TABLE forgotten_visitors (
    owner BIGINT PRIMARY KEY,
    before BIGINT NOT NULL
);

-- How far each journal has been recorded; committed with the records.
CREATE TABLE recorded_positions (
    node TEXT NOT NULL,
    shard BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    byte BIGINT NOT NULL,
    PRIMARY KEY (node, shard)
);
