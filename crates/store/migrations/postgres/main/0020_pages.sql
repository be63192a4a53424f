-- The language of a page, as its owner says; NULL leaves it to its letters.
ALTER TABLE bio_pages ADD COLUMN language TEXT;
-- A code leads to a link or to a page, and goes with it.
ALTER TABLE qr_codes ADD COLUMN page_id TEXT COLLATE "C" REFERENCES bio_pages (id) ON DELETE CASCADE;
ALTER TABLE qr_codes ALTER COLUMN link_id DROP NOT NULL;
ALTER TABLE qr_codes ADD CONSTRAINT qr_codes_lead_to_one CHECK ((link_id IS NULL) <> (page_id IS NULL));
CREATE INDEX qr_codes_by_page ON qr_codes (page_id, id);
-- The tokens of codes that were deleted: what is printed of them goes on being scanned. They go with what they lead to.
CREATE TABLE deleted_qr_codes (
    token BIGINT PRIMARY KEY,
    owner BIGINT NOT NULL,
    link_id TEXT COLLATE "C" REFERENCES links (id) ON DELETE CASCADE,
    page_id TEXT COLLATE "C" REFERENCES bio_pages (id) ON DELETE CASCADE
);
CREATE INDEX deleted_qr_codes_by_link ON deleted_qr_codes (link_id);
CREATE INDEX deleted_qr_codes_by_page ON deleted_qr_codes (page_id);
