"""How good a photograph is, 1 to 5, and why."""
