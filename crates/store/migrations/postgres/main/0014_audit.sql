-- The log of changes. Lines are only added, and forgotten oldest first; each index ends in the time, so that a page of
-- whatever is asked for is read where it stands and nothing is sorted.
CREATE TABLE audit_log (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    country TEXT,
    request TEXT,
    action TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    label TEXT NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX audit_log_by_time ON audit_log (owner, at, seq);
CREATE INDEX audit_log_by_action ON audit_log (owner, action, at, seq);
CREATE INDEX audit_log_by_actor ON audit_log (owner, actor, action, at, seq);
CREATE INDEX audit_log_by_object ON audit_log (owner, object, at, seq);
