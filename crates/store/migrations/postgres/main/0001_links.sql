CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE workspaces (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    owner BIGINT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hint TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE links (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner BIGINT NOT NULL,
    domain TEXT NOT NULL,
    slug TEXT NOT NULL,
    slug_key TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    title TEXT,
    tags TEXT NOT NULL,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    expires_at BIGINT,
    ios_target TEXT,
    android_target TEXT,
    password_hash TEXT,
    redirect_status BIGINT NOT NULL,
    click_limit BIGINT,
    expired_url TEXT,
    external_id TEXT,
    is_archived BOOLEAN NOT NULL,
    rules TEXT,
    variants TEXT,
    preview TEXT,
    search_text TEXT NOT NULL,
    clicks BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (domain, slug_key)
);
CREATE UNIQUE INDEX links_by_external_id ON links (owner, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX links_by_creation ON links (owner, is_archived, id);
CREATE INDEX links_by_clicks ON links (owner, is_archived, clicks, id);
CREATE INDEX links_by_update ON links (owner, is_archived, updated_at, id);
CREATE INDEX links_by_domain ON links (owner, is_archived, domain);
CREATE INDEX links_by_slug ON links (owner, slug_key);

-- The trigrams of what can be searched. pg_trgm comes with PostgreSQL and may be created by the database's owner.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX links_by_trigram ON links USING gin (search_text gin_trgm_ops);

-- Slugs that once led somewhere: nobody else may have them until their owner lets go.
CREATE TABLE reserved_slugs (
    domain TEXT NOT NULL,
    slug_key TEXT COLLATE "C" NOT NULL,
    owner BIGINT NOT NULL,
    link_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (domain, slug_key)
);
CREATE INDEX reserved_slugs_by_link ON reserved_slugs (link_id);

CREATE TABLE tags (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, name)
);
CREATE INDEX tags_by_creation ON tags (owner, id);

-- With the link's state and domain, so that what has a tag on a domain is found in one place.
CREATE TABLE link_tags (
    tag BIGINT NOT NULL REFERENCES tags (seq),
    is_archived BOOLEAN NOT NULL,
    domain TEXT NOT NULL,
    link BIGINT NOT NULL REFERENCES links (seq) ON DELETE CASCADE,
    PRIMARY KEY (tag, is_archived, domain, link)
);
CREATE INDEX link_tags_by_link ON link_tags (link);

-- Answers kept for repeated requests (Idempotency-Key).
CREATE TABLE replies (
    key_id TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, path, idempotency_key)
);
CREATE INDEX replies_by_age ON replies (created_at);

-- How far each journal has been counted; committed with the counts.
CREATE TABLE counted_positions (
    node TEXT NOT NULL,
    shard BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    byte BIGINT NOT NULL,
    PRIMARY KEY (node, shard)
);

-- The salts of visitors, of a day and the next: one row, overwritten each day. A table of its own, so that what is
-- overwritten lies beside nothing else.
CREATE TABLE visitor_salts (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    day BIGINT NOT NULL,
    today BYTEA NOT NULL,
    tomorrow BYTEA NOT NULL
);
