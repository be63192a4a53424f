-- Addresses that messages of a workspace's bio pages are mailed to, and whether whoever reads there has agreed.
CREATE TABLE recipients (
    id TEXT PRIMARY KEY,
    workspace INTEGER NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    standing TEXT NOT NULL,
    asks INTEGER NOT NULL,
    asked_at INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace, email_key)
) WITHOUT ROWID;
