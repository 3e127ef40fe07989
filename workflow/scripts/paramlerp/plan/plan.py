"""A checked config with its attributes, schemes and sweeps parsed once, for all rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..config import registry, repetitions
from ..config import sweeps as parsed
from ..weights import naming
from . import paths


def either(patterns: Iterable[str]) -> str:
    """A regular expression that matches any of the patterns; none of them: nothing."""
    return "|".join(sorted(set(patterns))) or "(?!)"


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches these names and no others."""
    return either(map(re.escape, names))


@dataclass(frozen=True)
class Plan:
    """What a config asks for. `config` has its defaults filled in and has been checked."""

    config: dict

    @cached_property
    def attributes(self) -> dict[str, parsed.Attribute]:
        """The attributes by name."""
        return parsed.attributes(self.config)

    @cached_property
    def schemes(self) -> dict:
        """The schemes by name."""
        return parsed.all_schemes(self.config)

    @cached_property
    def sweeps(self) -> dict[str, parsed.Sweep]:
        """The sweeps by name."""
        return parsed.sweeps(self.config)

    @cached_property
    def point_sweeps(self) -> dict[str, parsed.Sweep]:
        """The sweeps whose jobs are points: merged to disk, or ensembles of logits."""
        return {name: sweep for name, sweep in self.sweeps.items() if not sweep.in_memory}

    @cached_property
    def line_sweeps(self) -> dict[str, parsed.Sweep]:
        """The sweeps whose jobs are lines: their points are merged in memory, one by one."""
        return {name: sweep for name, sweep in self.sweeps.items() if sweep.in_memory}

    @property
    def planes(self) -> list[str]:
        """The line sweeps of schemes with two coordinates."""
        return [name for name, sweep in self.line_sweeps.items() if len(sweep.coordinates) == 2]

    @property
    def pairs(self) -> list[str]:
        """The line sweeps of schemes with one coordinate: lines between two models each."""
        return [name for name, sweep in self.line_sweeps.items() if len(sweep.coordinates) == 1]

    @property
    def with_barriers(self) -> list[str]:
        """The point sweeps along a line between two checkpoints, with losses."""
        return [
            name
            for name, sweep in self.point_sweeps.items()
            if sweep.losses and sweep.is_between_two()
        ]

    @property
    def compared(self) -> list[str]:
        """The sweeps of ensembles that are compared with merged weights."""
        return [name for name, sweep in self.point_sweeps.items() if sweep.against]

    @property
    def with_two_lines(self) -> list[str]:
        """The figures that show two lines, which have tables of their differences."""
        figures = self.config["figures"]
        return [name for name, figure in figures.items() if figure["shows"] == "two_lines"]

    @property
    def with_next_words(self) -> list[str]:
        """The point sweeps along lines of merged weights whose attribute has next words."""
        return [
            name
            for name, sweep in self.point_sweeps.items()
            if sweep.attribute
            and self.attributes[sweep.attribute].next_words
            and sweep.mixes == "weights"
            and len(sweep.coordinates) == 1
        ]

    @property
    def with_seeds(self) -> list[str]:
        """The sweeps that are measured again with other seeds of their experts."""
        return [name for name, sweep in self.sweeps.items() if sweep.seeds]

    @property
    def barriers_with_seeds(self) -> list[str]:
        """Those `with_seeds` that have a table of barriers."""
        return [name for name in self.with_seeds if name in (*self.with_barriers, *self.pairs)]

    def by_seed(self, name: str) -> dict[int, str]:
        """Seed -> the sweep with that seed: 0 -> the sweep itself, then its copies."""
        seeds = self.sweeps[name].seeds
        return {0: name, **{seed: repetitions.copy_name(name, seed) for seed in seeds}}

    def schemes_by_seed(self, name: str) -> dict[int, dict[str, str]]:
        """Seed -> the schemes of the sweep with that seed, each with the scheme it is a copy of."""
        titles = [scheme.title for scheme in self.sweeps[name].schemes]
        return {
            seed: {s.title: t for s, t in zip(self.sweeps[copy].schemes, titles, strict=True)}
            for seed, copy in self.by_seed(name).items()
        }

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Scheme -> its number, from which every figure takes its colour, dashes and marker.

        Those of merged points are first, then ensembles, then lines in memory, since there are few
        colours. A copy with another seed has the number of what it is a copy of.
        """
        by_kind = sorted(self.sweeps.values(), key=lambda s: (s.in_memory, s.mixes == "logits"))
        originals = {
            copy: original
            for name in self.with_seeds
            for schemes in self.schemes_by_seed(name).values()
            for copy, original in schemes.items()
        }
        titles = [originals.get(s.title, s.title) for sweep in by_kind for s in sweep.schemes]
        numbers = {title: number for number, title in enumerate(dict.fromkeys(titles))}
        return numbers | {copy: numbers[original] for copy, original in originals.items()}

    @cached_property
    def sweep_of_lines(self) -> dict[str, str]:
        """Scheme -> the name of the sweep that its lines belong to."""
        return {
            scheme: name
            for name, sweep in self.line_sweeps.items()
            for scheme in sweep.scheme_names
        }

    @cached_property
    def loss_sets(self) -> dict[str, list[str]]:
        """Scheme -> the sets of test text on which the loss of its models is measured."""
        return {
            scheme.title: sweep.losses
            for sweep in self.sweeps.values()
            if sweep.losses
            for scheme in sweep.schemes
        }

    @cached_property
    def compared_with(self) -> dict[str, tuple[str, str]]:
        """Ensemble's scheme -> (merged scheme that it is compared with, attribute of the text)."""
        return {
            scheme.title: (self.sweeps[sweep.against].schemes[0].title, sweep.attribute)
            for sweep in self.point_sweeps.values()
            if sweep.against and sweep.attribute
            for scheme in sweep.schemes
        }

    @cached_property
    def attributes_of_schemes(self) -> dict[str, list[str]]:
        """Scheme -> the attributes of the sweeps that measure it, sorted."""
        names: dict[str, set[str]] = {name: set() for name in self.schemes}
        for sweep in self.sweeps.values():
            for scheme in sweep.schemes:
                names[scheme.title] |= {sweep.attribute} - {None}
        return {name: sorted(attributes) for name, attributes in names.items()}

    def passed(self, wildcards) -> list[str]:
        """What a job that generates texts waits for: the scorers of its attributes have passed."""
        names = self.attributes_of_schemes[wildcards.scheme]
        return [paths.PASSED.format(attribute=name) for name in names]

    def checks(self, wildcards) -> list[str]:
        """The checks that a job with this scorer waits for: of the attributes that it scores."""
        in_use = sorted({sweep.attribute for sweep in self.sweeps.values()} - {None})
        return [
            paths.SCORER_CHECK.format(attribute=name)
            for name in in_use
            if self.attributes[name].scorer == wildcards.scorer
        ]

    @property
    def merged_schemes(self) -> list[str]:
        """The schemes that mix weights."""
        return [name for name, scheme in self.schemes.items() if scheme.mixes == "weights"]

    @property
    def ensemble_schemes(self) -> list[str]:
        """The schemes that mix logits."""
        return [name for name, scheme in self.schemes.items() if scheme.mixes == "logits"]

    @property
    def exported(self):
        """The scheme of the point that `export` writes; None if there is none."""
        export, pick = self.config["export"], self.config["pick"]
        if export["point"] is not None:
            return self.schemes[export["scheme"]]
        return self.sweeps[pick["sweep"]].schemes[0] if pick else None

    @property
    def prompts_in_use(self) -> list[str]:
        """The sets of prompts that sweeps continue, sorted."""
        return sorted({name for sweep in self.sweeps.values() for name in sweep.prompts})

    @property
    def pretraining_threads(self) -> int:
        """The threads of a pretraining: one a process, and four where processes have GPUs."""
        processes = self.config["pretraining"]["processes"]
        return processes * (4 if self.config["resources"]["pretrain"]["gpu"] else 1)

    @cached_property
    def _in_use(self) -> list[str]:
        return parsed.checkpoints_in_use(self.config, self.sweeps)

    def in_use(self, kind: str) -> list[str]:
        """The checkpoints of one kind that sweeps need."""
        return [name for name in self._in_use if self.config["checkpoints"][name]["kind"] == kind]

    def checkpoints(self, kind: str) -> str:
        """A regular expression for the checkpoints of one kind."""
        return one_of(registry.of_kind(self.config, kind))

    def corpora(self, kind: str) -> str:
        """A regular expression for the corpora of one kind."""
        corpora = self.config["corpora"]
        return one_of(name for name, corpus in corpora.items() if corpus["kind"] == kind)

    def scorers(self, kind: str) -> str:
        """A regular expression for the scorers of one kind."""
        scorers = self.config["scorers"]
        return one_of(name for name, scorer in scorers.items() if scorer["kind"] == kind)

    @property
    def point(self) -> str:
        """A regular expression for a point of any scheme, as paths name it."""
        return either(f"(?:{scheme.point_pattern()})" for scheme in self.schemes.values())

    @property
    def line(self) -> str:
        """A regular expression for a line of points, as paths name it."""
        return either(f"(?:{self.schemes[name].line_pattern()})" for name in self.sweep_of_lines)

    def classifier(self, scorer: str) -> dict:
        """What a scorer of kind classifier does with its model: its labels, values, max_tokens."""
        entry = self.config["scorers"][scorer]
        return {key: entry[key] for key in ("labels", "values", "max_tokens")}

    def scorer_kinds(self, sweep: str) -> dict[str, str]:
        """The scorers of a sweep, in the order of its table, each with its kind."""
        scorers = self.config["scorers"]
        return {name: scorers[name]["kind"] for name in self.sweeps[sweep].scorers}

    def scorers_of_kind(self, sweep: str, kind: str) -> list[str]:
        """The scorers of a sweep that are of one kind."""
        kinds = self.scorer_kinds(sweep)
        return [name for name, of_scorer in kinds.items() if of_scorer == kind]

    def coefficients(self, scheme: str, *point: str) -> dict[str, str]:
        """The coefficients of a scheme's checkpoints at a point, as decimal strings."""
        exact = self.schemes[scheme].coefficients(*point)
        return {name: f"{value:f}" for name, value in exact.items()}

    def coefficients_along(self, name: str) -> dict[str, dict[str, str]]:
        """Value of the coordinate -> `coefficients`, at all points of a sweep's first line."""
        sweep = self.sweeps[name]
        return {v: self.coefficients(sweep.schemes[0].title, v) for v in sweep.first_values}

    def point_coefficients(self, wildcards) -> dict[str, str]:
        """`coefficients` at the point of a job."""
        return self.coefficients(wildcards.scheme, *naming.values(wildcards.point))
