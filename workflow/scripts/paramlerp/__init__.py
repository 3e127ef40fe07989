"""Linear interpolation in parameter space for fine-tuned language models.

The library behind the workflow's scripts, in eight rooms (subpackages): `training`,
`measure` and `plan` import from `lm` and `config`, these from `data` and `weights`, and all from
`jobs`. Importing a module changes no setting of the process (see `jobs.environment`). Modules
that need torch import it at their top; jobs that merge, tabulate or plot never import these.
"""
