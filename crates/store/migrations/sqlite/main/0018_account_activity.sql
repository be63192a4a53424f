-- What people did with their own accounts. Lines are only added, and forgotten oldest first; they go with the account.
CREATE TABLE account_activity (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    user_number INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    country TEXT,
    device TEXT,
    request TEXT,
    object TEXT
);
CREATE INDEX account_activity_by_user ON account_activity (user_number, seq);
