"""Sources, and the texts in them: fetched, read, selected, split, and packed for pretraining."""
