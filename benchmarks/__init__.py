"""How fast, how small, how prompt; see README.md."""
