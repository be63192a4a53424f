-- People who left an address at a bio page; they go with it. Who signs up is one row for each page and mailbox; a message is
-- one for each thing that was said (`digest`). `mailed_at` is when a link was last mailed with which the address is confirmed.
CREATE TABLE subscribers (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    owner BIGINT NOT NULL,
    page_id TEXT COLLATE "C" NOT NULL REFERENCES bio_pages (id) ON DELETE CASCADE,
    block_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    name TEXT,
    message TEXT,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    mailed_at BIGINT,
    UNIQUE (page_id, email_key, kind, digest)
);
CREATE INDEX subscribers_by_page ON subscribers (page_id, id);
CREATE INDEX subscribers_by_mailbox ON subscribers (email_key, mailed_at) WHERE mailed_at IS NOT NULL;
CREATE INDEX subscribers_unconfirmed ON subscribers (created_at) WHERE status = 'pending';

-- The outbox: letters that are to be sent, written in the transaction of what they tell of. What a letter says only the
-- server can read. One that waits (state 0) is due at due_at; whoever sends it puts that moment off as long as that may take, so
-- what a dead process held falls due again by itself. A letter that was sent is gone; of one that was given up (state 2) what
-- it said is gone.
CREATE TABLE letters (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    subscriber_id TEXT COLLATE "C" REFERENCES subscribers (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    state BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX letters_due ON letters (due_at) WHERE state = 0;
CREATE INDEX letters_given_up ON letters (created_at) WHERE state = 2;
CREATE INDEX letters_by_subscriber ON letters (subscriber_id) WHERE subscriber_id IS NOT NULL;
