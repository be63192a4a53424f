-- Recorded clicks once more, in the order of the journal, for whoever follows them as they happen; src/clicks/feed.rs
-- tells what is in a row and when it goes. No number is left out or given twice: the newest row always stays.
CREATE TABLE click_feed (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    stem BIGINT NOT NULL,
    begins BIGINT NOT NULL,
    total_bytes BIGINT NOT NULL,
    to_forget BIGINT NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX click_feed_to_forget ON click_feed (seq) WHERE to_forget = 1;
