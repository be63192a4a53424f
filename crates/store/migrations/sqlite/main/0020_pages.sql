-- The language of a page, as its owner says; NULL leaves it to its letters.
ALTER TABLE bio_pages ADD COLUMN language TEXT;
-- A code leads to a link or to a page, and goes with it. SQLite cannot let an old column be NULL, so the table is made anew.
CREATE TABLE new_qr_codes (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    link_id TEXT REFERENCES links (id) ON DELETE CASCADE,
    page_id TEXT REFERENCES bio_pages (id) ON DELETE CASCADE,
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
    updated_at INTEGER NOT NULL,
    CHECK ((link_id IS NULL) <> (page_id IS NULL))
);
INSERT INTO new_qr_codes
    (number, id, owner, link_id, token, foreground, background, eye, is_transparent, size, error_correction, shape, margin,
     caption, logo_url, logo_name, logo_width, logo_height, scans, version, created_at, updated_at)
SELECT number, id, owner, link_id, token, foreground, background, eye, is_transparent, size, error_correction, shape, margin,
     caption, logo_url, logo_name, logo_width, logo_height, scans, version, created_at, updated_at
FROM qr_codes;
DROP TABLE qr_codes;
ALTER TABLE new_qr_codes RENAME TO qr_codes;
CREATE INDEX qr_codes_by_owner ON qr_codes (owner, id);
CREATE INDEX qr_codes_by_link ON qr_codes (link_id, id);
CREATE INDEX qr_codes_by_page ON qr_codes (page_id, id);
-- The tokens of codes that were deleted: what is printed of them goes on being scanned. They go with what they lead to.
CREATE TABLE deleted_qr_codes (
    token INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL,
    link_id TEXT REFERENCES links (id) ON DELETE CASCADE,
    page_id TEXT REFERENCES bio_pages (id) ON DELETE CASCADE
);
CREATE INDEX deleted_qr_codes_by_link ON deleted_qr_codes (link_id);
CREATE INDEX deleted_qr_codes_by_page ON deleted_qr_codes (page_id);
