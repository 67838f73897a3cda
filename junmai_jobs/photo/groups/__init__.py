"""Photographs of one moment, and the best frame of each."""
