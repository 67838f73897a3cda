"""Photographs as files and as pixels: found, opened with care, decoded, scaled, in their colours."""
