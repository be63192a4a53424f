-- How often a workspace was deleted or came back: whoever has read what they had since then has to read it anew.
ALTER TABLE served_domains ADD COLUMN workspaces BIGINT NOT NULL DEFAULT 0;
