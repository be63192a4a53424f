-- Certificates from an authority, one row for each name that has or is to have one. What is sealed (the chain and its key) only
-- the server can read. A row is due at due_at for whatever comes next: an order, a renewal, a question to the authority; whoever
-- takes it up puts that moment off as long as that may take, so what a dead process held falls due again by itself. A name that
-- somebody has asked for in vain since wanted_at comes first. `changed` is the number of the last change of the row.
CREATE TABLE certificates (
    name TEXT PRIMARY KEY,
    is_own BOOLEAN NOT NULL,
    sealed BYTEA,
    not_before BIGINT,
    not_after BIGINT,
    due_at BIGINT NOT NULL,
    wanted_at BIGINT,
    failures BIGINT NOT NULL,
    error TEXT,
    version BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX certificates_due ON certificates (due_at);
CREATE INDEX certificates_changed ON certificates (changed);

-- What an authority is shown while it looks whether a name leads here, on whichever node it comes to.
CREATE TABLE acme_challenges (
    token TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    answer TEXT NOT NULL,
    ends_at BIGINT NOT NULL
);

-- Our account with each authority, sealed.
CREATE TABLE acme_accounts (
    directory TEXT COLLATE "C" PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- The orders of the last hours, to be counted.
CREATE TABLE acme_orders (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    started_at BIGINT NOT NULL
);
CREATE INDEX acme_orders_started ON acme_orders (started_at);

-- Counts up with each change of a certificate or a challenge, so that every node sees with one short question that there was one.
CREATE TABLE certificate_changes (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    changes BIGINT NOT NULL
);
INSERT INTO certificate_changes (id, changes) VALUES (1, 0);
