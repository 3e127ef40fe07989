"""Training: fine-tuning and pretraining loops, and the states from which they resume."""
