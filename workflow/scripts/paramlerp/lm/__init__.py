"""Language models: loading, encoding, batching, decoding, likelihood, and whole lines in memory."""
