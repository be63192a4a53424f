-- People, the browsers in which they are signed in, and what they are in which workspace.
CREATE TABLE users (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    is_admin INTEGER NOT NULL,
    disabled_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    user_number INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    device TEXT NOT NULL,
    country TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_number, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    workspace INTEGER NOT NULL REFERENCES workspaces (number),
    user_number INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    role TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace, user_number)
) WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_number);
