"""The first results are made first: each job has the priority of the first that waits for it."""

from paramlerp.plan import turns


def test_first_and_then_the_figures_are_made_in_the_order_of_their_names():
    priorities = turns.of_results(["fig10", "fig9", "fig3", "fig3_sst"])
    order = sorted(priorities, key=priorities.get, reverse=True)
    assert order == ["first", "fig3", "fig3_sst", "fig9", "fig10"] and min(priorities.values()) > 0


def test_a_job_is_as_urgent_as_the_most_urgent_that_waits_for_it():
    needs = {
        "fig3": ["table"],
        "fig9": ["table", "losses"],
        "table": ["texts", "scorer"],
        "texts": ["expert"],
        "losses": ["expert"],
        "expert": ["base"],
        "scorer": ["base"],
        "base": [],
        "example": ["texts"],
    }
    own = dict.fromkeys(needs, 0) | {"fig3": 20, "fig9": 10, "expert": 1}
    priorities = turns.handed_on(own, needs)
    assert priorities.pop("expert") == priorities.pop("base") == 21
    assert priorities.pop("example") == 0
    assert priorities.pop("fig9") == priorities.pop("losses") == 10
    assert set(priorities.values()) == {20}


def test_a_run_makes_what_figure_3_waits_for_before_the_ensembles(finished):
    def times(pattern: str) -> list[float]:
        return [path.stat().st_mtime for path in (finished / "results").glob(pattern)]

    ensembles = min(times("generations/neutral/ensemble/*/*.jsonl"))
    assert max(times("generations/neutral/g1/*/*.jsonl")) < ensembles
    assert max(times("scores/neutral/g1/*/*/*")) < ensembles
