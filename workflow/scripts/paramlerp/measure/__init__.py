"""Measurements: from texts, scores and losses to metrics, intervals, tables and figures."""
