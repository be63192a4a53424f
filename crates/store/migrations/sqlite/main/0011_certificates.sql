-- Certificates from an authority, one row for each name that has or is to have one. What is sealed (the chain and its key) only
-- the server can read. A row is due at due_at for whatever comes next: an order, a renewal, a question to the authority; whoever
-- takes it up puts that moment off as long as that may take, so what a dead process held falls due again by itself. A name that
-- somebody has asked for in vain since wanted_at comes first. `changed` is the number of the last change of the row.
CREATE TABLE certificates (
    name TEXT PRIMARY KEY,
    is_own INTEGER NOT NULL,
    sealed BLOB,
    not_before INTEGER,
    not_after INTEGER,
    due_at INTEGER NOT NULL,
    wanted_at INTEGER,
    failures INTEGER NOT NULL,
    error TEXT,
    version INTEGER NOT NULL,
    changed INTEGER NOT NULL
);
CREATE INDEX certificates_due ON certificates (due_at);
CREATE INDEX certificates_changed ON certificates (changed);

-- What an authority is shown while it looks whether a name leads here, on whichever node it comes to.
CREATE TABLE acme_challenges (
    token TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    answer TEXT NOT NULL,
    ends_at INTEGER NOT NULL
);

-- Our account with each authority, sealed.
CREATE TABLE acme_accounts (
    directory TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

-- The orders of the last hours, to be counted.
CREATE TABLE acme_orders (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    started_at INTEGER NOT NULL
);
CREATE INDEX acme_orders_started ON acme_orders (started_at);

-- Counts up with each change of a certificate or a challenge, so that every node sees with one short question that there was one.
CREATE TABLE certificate_changes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    changes INTEGER NOT NULL
);
INSERT INTO certificate_changes (id, changes) VALUES (1, 0);
