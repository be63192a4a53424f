-- Domains that workspaces asked for: many may ask for one name, and one has it (status 1). What is looked at again, and
-- when, is in next_look_at; whoever looks puts that off as long as the look may take, so what a dead process began is begun
-- again by itself.
CREATE TABLE domains (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner BIGINT NOT NULL,
    name TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    token TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    root_url TEXT,
    not_found_url TEXT,
    expired_url TEXT,
    apple_app_site_association TEXT,
    assetlinks TEXT,
    robots TEXT NOT NULL,
    status BIGINT NOT NULL,
    has_proof BOOLEAN NOT NULL,
    points_here BOOLEAN NOT NULL,
    looked_at BIGINT,
    outcome TEXT,
    message TEXT,
    looks BIGINT NOT NULL,
    sought_since BIGINT NOT NULL,
    asked_at BIGINT,
    next_look_at BIGINT,
    verified_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX domains_by_owner ON domains (owner, name);
CREATE UNIQUE INDEX domains_verified ON domains (name) WHERE status = 1;
CREATE INDEX domains_by_name ON domains (name);
CREATE UNIQUE INDEX domains_default ON domains (owner) WHERE is_default;
CREATE INDEX domains_by_skeleton ON domains (skeleton) WHERE status = 1;
CREATE INDEX domains_due ON domains (next_look_at) WHERE next_look_at IS NOT NULL;

-- Counts up with each change of what is served, so that every node sees with one short question that there was one.
CREATE TABLE served_domains (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    changes BIGINT NOT NULL
);
INSERT INTO served_domains (id, changes) VALUES (1, 0);
