"""The benchmarks: what is measured is in `scenarios`, one module a promise; how, in the other modules."""
