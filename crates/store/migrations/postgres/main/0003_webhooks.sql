-- Subscriptions; one whose url is empty is a listener, which somebody pulls from. What is sealed (secrets, headers of
-- their own) only the server can read.
CREATE TABLE webhooks (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner BIGINT NOT NULL,
    url TEXT NOT NULL,
    events BIGINT NOT NULL,
    filter TEXT NOT NULL,
    includes_bots BOOLEAN NOT NULL,
    max_per_second BIGINT,
    payload_version BIGINT NOT NULL,
    is_active BOOLEAN NOT NULL,
    description TEXT,
    sealed BYTEA NOT NULL,
    inactive_reason TEXT,
    failing_since BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_owner ON webhooks (owner, id);

-- What happened, as it is told: written in the transaction of what it tells of, when somebody is to be told.
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    request TEXT,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who is to be told of what. A delivery that waits (state 0) is due at due_at; whoever attempts it puts that moment off as
-- long as the attempt may take, so what a dead process held falls due again by itself.
CREATE TABLE deliveries (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook BIGINT NOT NULL,
    event BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    state BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    tried_at BIGINT,
    status BIGINT,
    failure TEXT
);
CREATE INDEX deliveries_due ON deliveries (webhook, due_at) WHERE state = 0;
CREATE INDEX deliveries_failed ON deliveries (webhook, seq) WHERE state = 2;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, seq);

CREATE TABLE attempts (
    delivery BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status BIGINT,
    failure TEXT,
    head TEXT,
    body BYTEA,
    PRIMARY KEY (delivery, number)
);

-- Subscriptions that are gone and whose deliveries are still to be thrown away, a few at a time.
CREATE TABLE deleted_webhooks (
    number BIGINT PRIMARY KEY
);
