-- QR codes. One goes with its link. A token is the number behind the word that tells its scans from other visits. What a
-- code's logo is: the address that its owner gave, and our copy.
CREATE TABLE qr_codes (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner BIGINT NOT NULL,
    link_id TEXT COLLATE "C" NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    token BIGINT NOT NULL UNIQUE,
    foreground TEXT NOT NULL,
    background TEXT NOT NULL,
    eye TEXT,
    is_transparent BOOLEAN NOT NULL,
    size BIGINT NOT NULL,
    error_correction TEXT,
    shape TEXT NOT NULL,
    margin BIGINT NOT NULL,
    caption TEXT,
    logo_url TEXT,
    logo_name TEXT,
    logo_width BIGINT,
    logo_height BIGINT,
    scans BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX qr_codes_by_owner ON qr_codes (owner, id);
CREATE INDEX qr_codes_by_link ON qr_codes (link_id, id);
