-- What links were when they were deleted: their statistics outlive them, and are grouped by what they were. What is
-- long stands last, as statistics do not read it.
CREATE TABLE deleted_links (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner BIGINT NOT NULL,
    domain TEXT NOT NULL,
    slug TEXT NOT NULL,
    tags TEXT NOT NULL,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    external_id TEXT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    title TEXT,
    url TEXT NOT NULL
);
