"""Measurements: from texts, scores and losses to metrics, intervals and tables."""
