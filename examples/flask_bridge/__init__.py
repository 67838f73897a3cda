"""A studio's own Flask program, with Junmai Jobs inside: its pages, the bridge, and the worker."""
