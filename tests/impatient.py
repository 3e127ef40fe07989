"""The `snakemake` command, asking a cluster for the state of its jobs every half second.

After each look at which no job has ended, the SLURM plugin waits 10 s longer for the next, which
is a third of the time of a run of many short jobs. Nothing else differs.
"""

import asyncio

from snakemake import cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(executor) -> None:
    await asyncio.sleep(0.5)


RemoteExecutor.sleep = sleep

if __name__ == "__main__":
    cli.main()
