"""The examples of the pages in docs/guide, each a script."""
