-- Domains that workspaces asked for: many may ask for one name, and one has it (status 1). What is looked at again, and
-- when, is in next_look_at; whoever looks puts that off as long as the look may take, so what a dead process began is begun
-- again by itself.
CREATE TABLE domains (
    id TEXT PRIMARY KEY,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    token TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    root_url TEXT,
    not_found_url TEXT,
    expired_url TEXT,
    apple_app_site_association TEXT,
    assetlinks TEXT,
    robots TEXT NOT NULL,
    status INTEGER NOT NULL,
    has_proof INTEGER NOT NULL,
    points_here INTEGER NOT NULL,
    looked_at INTEGER,
    outcome TEXT,
    message TEXT,
    looks INTEGER NOT NULL,
    sought_since INTEGER NOT NULL,
    asked_at INTEGER,
    next_look_at INTEGER,
    verified_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX domains_by_owner ON domains (owner, name);
CREATE UNIQUE INDEX domains_verified ON domains (name) WHERE status = 1;
CREATE INDEX domains_by_name ON domains (name);
CREATE UNIQUE INDEX domains_default ON domains (owner) WHERE is_default;
CREATE INDEX domains_by_skeleton ON domains (skeleton) WHERE status = 1;
CREATE INDEX domains_due ON domains (next_look_at) WHERE next_look_at IS NOT NULL;

-- Counts up with each change of what is served, so that every node sees with one short question that there was one.
CREATE TABLE served_domains (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    changes INTEGER NOT NULL
);
INSERT INTO served_domains (id, changes) VALUES (1, 0);
