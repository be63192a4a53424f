-- Nodes tell each other too how many clicks links have that have a limit. Whoever remembers which transactions had ended passes over
-- no row, and is told of none twice.
ALTER TABLE changed_addresses
    ALTER COLUMN domain DROP NOT NULL,
    ALTER COLUMN slug_key DROP NOT NULL,
    ADD COLUMN link TEXT,
    ADD COLUMN clicks BIGINT;

-- The last of those that were forgotten: whoever has not looked since then knows nothing.
CREATE TABLE forgotten_addresses (
    id BIGINT PRIMARY KEY,
    tx BIGINT NOT NULL
);
INSERT INTO forgotten_addresses (id, tx) VALUES (1, 0);
