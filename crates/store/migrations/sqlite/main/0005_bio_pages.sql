-- Bio pages. A page's blocks, its picture and what was chosen of its theme are JSON, in shapes that only the store knows. The
-- address of a page must not be a link's; see src/slugs.rs. published_at is NULL while a page is a draft.
CREATE TABLE bio_pages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    domain TEXT NOT NULL,
    slug TEXT NOT NULL,
    slug_key TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    avatar TEXT,
    theme TEXT NOT NULL,
    blocks TEXT NOT NULL,
    search_text TEXT NOT NULL,
    published_at INTEGER,
    views INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (domain, slug_key)
);
CREATE INDEX bio_pages_by_owner ON bio_pages (owner, id);
