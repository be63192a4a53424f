-- Words in links that do one thing once, second factors, and who people are elsewhere.
CREATE TABLE words (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    user_number INTEGER REFERENCES users (number) ON DELETE CASCADE,
    email TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX words_by_user ON words (user_number, created_at);
CREATE INDEX words_by_end ON words (expires_at);

CREATE TABLE second_factors (
    user_number INTEGER PRIMARY KEY REFERENCES users (number) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    is_confirmed INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE recovery_codes (
    user_number INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (user_number, hash)
) WITHOUT ROWID;

CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_number INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;
CREATE INDEX identities_by_user ON identities (user_number);
