"""Junmai Jobs: a job queue on Redis for a photographer's night of work."""
