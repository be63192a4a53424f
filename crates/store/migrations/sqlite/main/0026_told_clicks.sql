-- On PostgreSQL nodes tell each other what they changed; here there is one program.
SELECT 1;
