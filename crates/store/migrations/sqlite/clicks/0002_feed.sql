-- Recorded clicks once more, in the order of the journal, for whoever follows them as they happen; src/clicks/feed.rs
-- tells what is in a row and when it goes. No number is left out or given twice: the newest row always stays.
CREATE TABLE click_feed (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    stem INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    total_bytes INTEGER NOT NULL,
    to_forget INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX click_feed_to_forget ON click_feed (seq) WHERE to_forget = 1;
