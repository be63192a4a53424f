"""One module a promise. Each has `NAME`, and `run(bench)`, which records rounds and figures."""
