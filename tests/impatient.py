"""The `snakemake` command, except that it polls the cluster's jobs every half second.

The SLURM plugin waits 10 s longer after each poll that finds no finished job. In a run of many
short jobs these waits take a third of the time.
"""

import asyncio

from snakemake import cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(executor) -> None:
    await asyncio.sleep(0.5)


RemoteExecutor.sleep = sleep

if __name__ == "__main__":
    cli.main()
