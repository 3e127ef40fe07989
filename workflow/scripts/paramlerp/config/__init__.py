"""What a config means: its layers, defaults and checks, its checkpoints, attributes and sweeps."""
