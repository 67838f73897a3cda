"""Develop settings in Lightroom's names: presets, and the contexts that choose them."""
