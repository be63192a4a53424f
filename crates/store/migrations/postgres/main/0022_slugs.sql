-- On SQLite the index of slugs is gone; here it stays as it is.
SELECT 1;
