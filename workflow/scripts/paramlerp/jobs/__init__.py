"""What every process needs around its work: settings, log, errors, files, seeds, GPUs."""
