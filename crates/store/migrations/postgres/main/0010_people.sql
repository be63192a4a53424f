-- People, the browsers in which they are signed in, and what they are in which workspace.
CREATE TABLE users (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    is_admin BOOLEAN NOT NULL,
    disabled_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    user_number BIGINT NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    device TEXT NOT NULL,
    country TEXT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_number, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE members (
    id TEXT COLLATE "C" PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (number),
    user_number BIGINT NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    role TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace, user_number)
);
CREATE INDEX members_by_user ON members (user_number);
