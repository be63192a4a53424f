-- QR codes. One goes with its link. A token is the number behind the word that tells its scans from other visits. What a
-- code's logo is: the address that its owner gave, and our copy.
CREATE TABLE qr_codes (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    link_id TEXT NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    token INTEGER NOT NULL UNIQUE,
    foreground TEXT NOT NULL,
    background TEXT NOT NULL,
    eye TEXT,
    is_transparent INTEGER NOT NULL,
    size INTEGER NOT NULL,
    error_correction TEXT,
    shape TEXT NOT NULL,
    margin INTEGER NOT NULL,
    caption TEXT,
    logo_url TEXT,
    logo_name TEXT,
    logo_width INTEGER,
    logo_height INTEGER,
    scans INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX qr_codes_by_owner ON qr_codes (owner, id);
CREATE INDEX qr_codes_by_link ON qr_codes (link_id, id);
