"""What the main process plans and prints: paths, inputs and params of rules, costs, progress."""
