-- Words in links that do one thing once, second factors, and who people are elsewhere.
CREATE TABLE words (
    hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    user_number BIGINT REFERENCES users (number) ON DELETE CASCADE,
    email TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX words_by_user ON words (user_number, created_at);
CREATE INDEX words_by_end ON words (expires_at);

CREATE TABLE second_factors (
    user_number BIGINT PRIMARY KEY REFERENCES users (number) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    is_confirmed BOOLEAN NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_number BIGINT NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    PRIMARY KEY (user_number, hash)
);

CREATE TABLE identities (
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_number BIGINT NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_number);
