"""In which order a run's jobs start: first what the first results wait for.

Snakemake starts the ready jobs of highest priority. Rules give one to what users look at; here it
is handed on to all jobs that lead there.
"""

import re
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter


def of_results(figures: Iterable[str]) -> dict[str, int]:
    """The priority of `first` and of each figure: by their names, with fig9 before fig10."""
    names = ["first", *sorted(figures, key=_by_numbers)]
    # The steps of 10 leave room for rules' own small priorities, which order the jobs of a figure.
    return {name: 10 * (len(names) - place) for place, name in enumerate(names)}


def _by_numbers(name: str) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def handed_on(own: Mapping, needs: Mapping) -> dict:
    """Job -> its own priority and, added to it, the highest of the jobs that wait for it.

    `own`: job -> priority, of the jobs that will run; `needs`: job -> those that it waits for.
    """
    priorities = dict(own)
    for job in reversed(list(TopologicalSorter(needs).static_order())):
        for needed in needs[job]:
            priorities[needed] = max(priorities[needed], own[needed] + priorities[job])
    return priorities
