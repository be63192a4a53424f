-- Addresses that messages of a workspace's bio pages are mailed to, and whether whoever reads there has agreed.
CREATE TABLE recipients (
    id TEXT PRIMARY KEY,
    workspace BIGINT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    standing TEXT NOT NULL,
    asks BIGINT NOT NULL,
    asked_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace, email_key)
);
