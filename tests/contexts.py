"""Contexts of a user's own, as their file has them."""

EVERYTHING = """
[everything]
description = "Whatever it is."
recommended_preset = "natural"
preset_blend = 50
rules = [{ field = "quality.overall_score", operator = ">=", value = 1, weight = 1 }]
"""
"""Every photograph is in it."""
