-- How a slug begins is found by the index of addresses, host by host, so that one index less is written at a place of its own
-- for each link.
DROP INDEX links_by_slug;
