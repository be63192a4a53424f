-- Subscriptions; one whose url is empty is a listener, which somebody pulls from. What is sealed (secrets, headers of
-- their own) only the server can read. A number is never given twice (AUTOINCREMENT): what waits for a subscription that
-- is gone must not become another's.
CREATE TABLE webhooks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    url TEXT NOT NULL,
    events INTEGER NOT NULL,
    filter TEXT NOT NULL,
    includes_bots INTEGER NOT NULL,
    max_per_second INTEGER,
    payload_version INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    description TEXT,
    sealed BLOB NOT NULL,
    inactive_reason TEXT,
    failing_since INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX webhooks_by_owner ON webhooks (owner, id);

-- What happened, as it is told: written in the transaction of what it tells of, when somebody is to be told.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    request TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

-- Who is to be told of what. A delivery that waits (state 0) is due at due_at; whoever attempts it puts that moment off as
-- long as the attempt may take, so what a dead process held falls due again by itself.
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL,
    event INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    tried_at INTEGER,
    status INTEGER,
    failure TEXT
);
CREATE INDEX deliveries_due ON deliveries (webhook, due_at) WHERE state = 0;
CREATE INDEX deliveries_failed ON deliveries (webhook, seq) WHERE state = 2;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, seq);

CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    failure TEXT,
    head TEXT,
    body BLOB,
    PRIMARY KEY (delivery, number)
) WITHOUT ROWID;

-- Subscriptions that are gone and whose deliveries are still to be thrown away, a few at a time.
CREATE TABLE deleted_webhooks (
    number INTEGER PRIMARY KEY
);
