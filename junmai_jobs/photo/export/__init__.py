"""Photographs written anew in another format, size and colour space."""
