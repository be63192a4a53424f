-- On PostgreSQL nodes add up requests of the minute; here there is one program, which has them in memory.
SELECT 1;
