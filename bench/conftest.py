"""What benches share: the machine's pace, a contest against rivals in the same run, and one table at the end.

The median is what is guarded: on a busy machine the 99th percentile is the machine's. A shared machine may take three
times as long, or eight, for minutes: a budget grows by as much as a rival takes longer at that moment, and what fails is
tried again later. By how much is printed. Ratios to rivals are asserted as they are, and with FMG_BENCH=ratios, on machines
that others use too, nothing else is.
"""

import math
import os
import statistics
import time

import machine
import pytest

_ROWS = pytest.StashKey[list]()
_FACTORS = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[_ROWS] = []
    config.stash[_FACTORS] = {}


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=15))


@pytest.fixture
def slowness(request):
    """A function that tells by how much to multiply a budget: the pace before the bench or after it, the slower one."""
    if os.environ.get("FMG_BENCH") == "ratios":
        return lambda: math.inf
    before = machine.slowness()

    def factor():
        now = max(before, machine.slowness())
        request.config.stash[_FACTORS][request.node.name] = now
        return now

    return factor


@pytest.fixture
def contest(benchmark, request, slowness):
    """``contest(name, ours, must=…, aim=…)``, times in microseconds, for `per` units of work in one call.

    rivals : name → (function, units of work per call). limit : name → highest allowed ratio of our time to that rival's.
    The rivals take turns just before ours runs.
    """

    def run(name, ours, *, must, aim, per=1, rivals=None, limit=None, rounds=1500, rival_rounds=300):
        rivals = rivals or {}
        for function in (ours, *(function for function, _ in rivals.values())):
            for _ in range(10):
                function()
        taken = {rival: [] for rival in rivals}
        stop_at = time.perf_counter() + 20
        for _ in range(rival_rounds):
            for rival, (function, units) in rivals.items():
                start = time.perf_counter()
                function()
                taken[rival].append((time.perf_counter() - start) / units)
            if time.perf_counter() > stop_at:
                break
        benchmark.pedantic(ours, iterations=1, rounds=rounds, warmup_rounds=10)
        stats = benchmark.stats.stats
        median = 1e6 * stats.median / per
        tail = 1e6 * statistics.quantiles(stats.data, n=100)[98] / per
        theirs = {rival: 1e6 * statistics.median(times) for rival, times in taken.items()}
        ratios = {rival: median / value for rival, value in theirs.items()}
        benchmark.extra_info |= {"median µs": round(median, 2), "p99 µs": round(tail, 2)}
        benchmark.extra_info |= {f"× {rival}": round(ratio, 3) for rival, ratio in ratios.items()}
        against = "   ".join(f"{ratios[rival]:.3g} × {rival} ({value:.4g})" for rival, value in theirs.items())
        request.config.stash[_ROWS].append(f"{name:<42}{median:>9.2f}{tail:>9.2f}{must:>8g}{aim:>8g}   {against}")
        slower = slowness()
        assert median <= must * slower, f"{name}: median {median:.2f} µs, allowed {must:g} µs × {slower:.2f}"
        for rival, most in (limit or {}).items():
            assert ratios[rival] <= most, f"{name}: {ratios[rival]:.2f} × {rival}, allowed {most:g} ×"

    return run


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[_ROWS]:
        terminalreporter.section("microseconds, one core")
        terminalreporter.write_line(f"{'':<42}{'median':>9}{'p99':>9}{'must':>8}{'aim':>8}   against, in the same run")
        for row in config.stash[_ROWS]:
            terminalreporter.write_line(row)
    grown = {name: factor for name, factor in config.stash[_FACTORS].items() if factor > 1}
    if grown:
        terminalreporter.section("budgets that were multiplied, since the machine was slow")
        for name, factor in grown.items():
            terminalreporter.write_line(f"{name:<60}× {factor:.2f}")
