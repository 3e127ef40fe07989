"""Figures: their one style, curves along a line, and planes."""
