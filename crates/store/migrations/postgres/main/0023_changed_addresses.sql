-- Addresses at which something changed, for nodes that hold it in memory. They are read by the number of the transaction that wrote
-- them: transactions end in another order than they begin, so whoever remembers which ones had ended passes over none.
CREATE TABLE changed_addresses (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx BIGINT NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    domain TEXT NOT NULL,
    slug_key TEXT NOT NULL
);
CREATE INDEX changed_addresses_tx ON changed_addresses (tx);
CREATE INDEX changed_addresses_at ON changed_addresses (at);
