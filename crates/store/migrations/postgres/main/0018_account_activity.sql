-- What people did with their own accounts. Lines are only added, and forgotten oldest first; they go with the account.
CREATE TABLE account_activity (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_number BIGINT NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    country TEXT,
    device TEXT,
    request TEXT,
    object TEXT COLLATE "C"
);
CREATE INDEX account_activity_by_user ON account_activity (user_number, seq);
