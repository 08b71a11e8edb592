"""What the guards of a native application cost: the same program with and without them, in turns in one process."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.calls import Call, environ_of, with_input
from benchmarks.gate import lower_bound
from benchmarks.table import number
from benchmarks.worker import time_pass
from costrel.defaults import FLASK_DEFAULTS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: What the guards may add to hello, in microseconds.
BAR = 0.3
#: The settings without guards, which are Flask's.
OFF = FLASK_DEFAULTS
#: Which of them are off in the application that is compared with: all, or those of one guard. With none off both are
#: equal, and what is measured is how far the measurement can be trusted.
GUARDS: Mapping[str, tuple[str, ...]] = {
    "all": tuple(OFF),
    "hosts": ("CHECK_HOST",),
    "cross-origin": ("CROSS_ORIGIN_PROTECTION",),
    "nosniff": ("DEFAULT_HEADERS",),
    "limits": ("LIMIT_URLENCODED_FORMS", *(name for name in OFF if name.startswith("MAX_"))),
    "none": (),
}
_FROM_THE_SITE = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "http://127.0.0.1:8000"}
_FORM = "application/x-www-form-urlencoded"
REQUESTS: Mapping[str, Call] = {
    "hello": Call("/"),
    "form": Call("/form", "POST", headers=_FROM_THE_SITE, body=b"name=Ada&place=London&year=1843", content_type=_FORM),
    "query": Call("/query", query="&".join(f"field{place}=value{place}" for place in range(8))),
}


@dataclass(frozen=True)
class Cost:
    """What a guard adds to a request.

    Args:
        added: microseconds of CPU, the median of all pairs.
        low: a lower bound of that, which holds with a confidence of 99.5 %.
        share: the median of how many times the time without the guard it takes.
        pairs: how many pairs of samples.
    """

    added: float
    low: float
    share: float
    pairs: int


def cost(pairs: list[tuple[float, float]]) -> Cost:
    """Sums up pairs of microseconds, with a guard and without.

    >>> cost([(2.5, 2.0)] * 20)
    Cost(added=0.5, low=0.5, share=1.25, pairs=20)
    """
    added = [guarded - bare for guarded, bare in pairs]
    share = statistics.median(guarded / bare for guarded, bare in pairs)
    # The bound is one of ratios, of which none is negative; a shift keeps the order.
    low = lower_bound([value + 1e6 for value in added])
    return Cost(statistics.median(added), low - 1e6 if low else -1e6, share, len(pairs))


def build(off: tuple[str, ...]) -> WSGIApplication:
    """Makes the program, with these guards off."""
    from costrel import App, request  # here so that the other commands do not import it

    app = App("guards", root_path="/", static_folder=None)
    app.config.update({"SECRET_KEY": "key", **{name: OFF[name] for name in off}})
    app.add_url_rule("/", "hello", lambda: "Hello, World!")
    app.add_url_rule("/form", "form", lambda: request.form["name"], methods=["POST"])
    app.add_url_rule("/query", "query", lambda: request.args["field3"])
    return app


def measure(rounds: int, seconds: float, report: Callable[[str], None]) -> dict[str, dict[str, Cost]]:
    """Measures each guard with each request.

    Args:
        rounds: pairs of samples for each.
        seconds: CPU time of one sample.
        report: takes lines about the progress.

    Returns:
        For each guard, what it adds to each of the requests.
    """
    found: dict[str, dict[str, Cost]] = {}
    for guard, off in GUARDS.items():
        report(guard)
        found[guard] = {name: cost(_pairs(call, off, rounds, seconds)) for name, call in REQUESTS.items()}
    return found


def _pairs(call: Call, off: tuple[str, ...], rounds: int, seconds: float) -> list[tuple[float, float]]:
    environs = [environ_of(call, place) for place in range(64)]

    def sample(app: WSGIApplication, passes: int) -> float:
        return sum(time_pass(app, [with_input(one, call.body) for one in environs]) for _ in range(passes))

    pairs = []
    # Where an application lies in memory can make it a little faster: each fourth of the pairs has new ones.
    for _ in range(4):
        apps = {"guarded": build(()), "bare": build(off)}
        once = min(sample(app, 1) for app in (*apps.values(), *apps.values()))
        passes = max(1, round(seconds / max(once, 1e-9)))
        for _ in range(max(1, rounds // 4)):
            gc.collect()
            times = {name: sample(apps[name], passes) for name in random.sample(sorted(apps), 2)}
            scale = 1e6 / (passes * len(environs))
            pairs.append((times["guarded"] * scale, times["bare"] * scale))
    return pairs


def rows(found: Mapping[str, Mapping[str, Cost]]) -> list[list[str]]:
    """The lines of the table, the first with its titles."""
    lines = [["guards that are on", *(f"{name}, µs" for name in REQUESTS), *(f"{name}, times" for name in REQUESTS)]]
    for guard, costs in found.items():
        lines.append(
            [guard, *(f"{one.added:+.2f}" for one in costs.values()), *(number(one.share) for one in costs.values())]
        )
    return lines
