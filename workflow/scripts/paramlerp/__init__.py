"""Linear interpolation in parameter space for fine-tuned language models.

The library behind the workflow: pure functions that the rules' scripts call.
Modules that need torch import it at their top; `schemes`, `checkpoints`,
`merging`, `readers`, `statistics` and everything around them do not.
"""
