-- On SQLite the index of searches is made anew; here it stays as it is.
SELECT 1;
