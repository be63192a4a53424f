CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE workspaces (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hint TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE links (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    domain TEXT NOT NULL,
    slug TEXT NOT NULL,
    slug_key TEXT NOT NULL,
    url TEXT NOT NULL,
    title TEXT,
    tags TEXT NOT NULL,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    expires_at INTEGER,
    ios_target TEXT,
    android_target TEXT,
    password_hash TEXT,
    redirect_status INTEGER NOT NULL,
    click_limit INTEGER,
    expired_url TEXT,
    external_id TEXT,
    is_archived INTEGER NOT NULL,
    rules TEXT,
    variants TEXT,
    preview TEXT,
    search_text TEXT NOT NULL,
    clicks INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (domain, slug_key)
);
CREATE UNIQUE INDEX links_by_external_id ON links (owner, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX links_by_creation ON links (owner, is_archived, id);
CREATE INDEX links_by_clicks ON links (owner, is_archived, clicks, id);
CREATE INDEX links_by_update ON links (owner, is_archived, updated_at, id);
CREATE INDEX links_by_domain ON links (owner, is_archived, domain);
CREATE INDEX links_by_slug ON links (owner, slug_key);

-- The trigrams of what can be searched. Kept by the writing connection; see src/db/search.sql.
CREATE VIRTUAL TABLE links_search USING fts5 (
    search_text, content = 'links', content_rowid = 'seq', tokenize = 'trigram'
);

-- Slugs that once led somewhere: nobody else may have them until their owner lets go.
CREATE TABLE reserved_slugs (
    domain TEXT NOT NULL,
    slug_key TEXT NOT NULL,
    owner INTEGER NOT NULL,
    link_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (domain, slug_key)
) WITHOUT ROWID;
CREATE INDEX reserved_slugs_by_link ON reserved_slugs (link_id);

CREATE TABLE tags (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (owner, name)
);
CREATE INDEX tags_by_creation ON tags (owner, id);

-- With the link's state and domain, so that what has a tag on a domain is found in one place.
CREATE TABLE link_tags (
    tag INTEGER NOT NULL REFERENCES tags (seq),
    is_archived INTEGER NOT NULL,
    domain TEXT NOT NULL,
    link INTEGER NOT NULL REFERENCES links (seq) ON DELETE CASCADE,
    PRIMARY KEY (tag, is_archived, domain, link)
) WITHOUT ROWID;
CREATE INDEX link_tags_by_link ON link_tags (link);

-- Answers kept for repeated requests (Idempotency-Key).
CREATE TABLE replies (
    key_id TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, path, idempotency_key)
) WITHOUT ROWID;
CREATE INDEX replies_by_age ON replies (created_at);

-- How far each journal has been counted; committed with the counts.
CREATE TABLE counted_positions (
    node TEXT NOT NULL,
    shard INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    byte INTEGER NOT NULL,
    PRIMARY KEY (node, shard)
) WITHOUT ROWID;

-- The salts of visitors, of a day and the next: one row, overwritten each day. A table of its own, so that what is
-- overwritten lies beside nothing else.
CREATE TABLE visitor_salts (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    day INTEGER NOT NULL,
    today BLOB NOT NULL,
    tomorrow BLOB NOT NULL
);
