-- Made anew: a row may tell of a link's clicks too. Nodes that run meanwhile know nothing then, and read everything.
DROP TABLE changed_addresses;

-- What others hold in memory and has changed: addresses, and how many clicks links have that have a limit. Rows are read by the
-- number of the transaction that wrote them: transactions end in another order than they begin, so whoever remembers which ones
-- had ended passes over none, and is told of none twice.
CREATE TABLE changed_addresses (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx BIGINT NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    domain TEXT,
    slug_key TEXT,
    link TEXT,
    clicks BIGINT
);
CREATE INDEX changed_addresses_tx ON changed_addresses (tx);
CREATE INDEX changed_addresses_at ON changed_addresses (at);

-- The last of those that were forgotten: whoever has not looked since then knows nothing.
CREATE TABLE forgotten_addresses (
    id BIGINT PRIMARY KEY,
    tx BIGINT NOT NULL
);
INSERT INTO forgotten_addresses (id, tx) VALUES (1, 0);
