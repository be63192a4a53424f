-- Letters that brought invitations, to be counted: how many a mailbox has got, and how many a workspace has sent. They are kept
-- for as long as they count, which is a day.
CREATE TABLE invitation_letters (
    number INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    email_key TEXT NOT NULL,
    sent_at INTEGER NOT NULL
);
CREATE INDEX invitation_letters_by_mailbox ON invitation_letters (email_key, sent_at);
CREATE INDEX invitation_letters_by_workspace ON invitation_letters (workspace, sent_at);
CREATE INDEX invitation_letters_by_time ON invitation_letters (sent_at);

-- Who has made a workspace, where a person has: whoever owns it later, it counts among those that they have made.
ALTER TABLE workspaces ADD COLUMN made_by TEXT;
CREATE INDEX workspaces_by_maker ON workspaces (made_by) WHERE made_by IS NOT NULL;

-- For which workspace a certificate was ordered; NULL for the names of the installation.
ALTER TABLE acme_orders ADD COLUMN workspace INTEGER;
