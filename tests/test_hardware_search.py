"""The search over hardware: what is put together costs what it says, archives keep their units, budgets hold, steps are
legal, and designs mapped to the optimum cannot be improved by an exchange."""

import itertools

import numpy as np
import pytest

from dse import Exhaustive, Gradient, RandomSearch, nondominated, optimally_mapped
from dse.mapper import every_mapping
from dse.mapper.composition import ANY, PRICES, Tried, compose
from dse.mapper.exchange import free_units
from dse.problem.batched_models import ENERGY, LATENCY, OUTPUTS
from dse.strategies.beginnings import dataflow_archives, sample
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.hardware_search import HardwareSearch
from dse.strategies.lattice_steps import (
    buildable,
    hardware_steps,
    leaping_hardware,
    mapping_steps,
    mappings_around,
    scaled_hardware,
    shrink_tiles,
)
from dse.strategies.operators import Crossover, HardwareSteps, Mutation, Remapping, Scaling, generation
from dse.strategies.random_search import agree
from experiments.compare_strategies import problem_of
from hwmodels.cost import FITS


@pytest.fixture(scope="module")
def problem():
    return problem_of("network", smoke=True)


@pytest.fixture
def run(problem):
    return SearchRun(problem, 1500, 0, False, "test")


def tried_on(problem, machines, designs, seed):
    """Random mappings on random machines, all evaluated."""
    encoding, rng = problem.encoding, np.random.default_rng(seed)
    rows = encoding.random(rng, machines * designs).reshape(machines, designs, -1)
    rows = np.where(encoding.of_kernel < 0, rows[:, :1], rows)
    return Tried.on(problem, rows, np.ones(rows.shape[:2], bool))


def test_what_is_put_together_costs_what_it_says(problem):
    tried = tried_on(problem, 40, 5, 0)
    found = compose(problem, tried, np.full((40, 1), ANY))
    assert len(found.rows) > 40
    said, exact = problem.scores_of(found.outputs), problem.score(found.rows)
    np.testing.assert_allclose(said.objectives, exact.objectives, rtol=3e-6)
    np.testing.assert_allclose(said.fits, exact.fits, rtol=3e-6)
    np.testing.assert_array_equal(found.units, np.bitwise_or.reduce(problem.encoding.unit_bits(found.rows), axis=1))


def test_no_combination_beats_what_is_put_together(problem):
    """At any price, with the energies of the units that the choice assumes."""
    tried = tried_on(problem, 12, 4, 1)
    bits = problem.encoding.unit_bits(tried.rows.reshape(-1, tried.rows.shape[2])).reshape(12, 4, -1)
    first = np.bitwise_or.reduce(bits[:, 0], axis=1)
    assumed = problem.on_machines(tried.outputs, tried.rows[:, 0], first)
    usable = tried.need <= 1.0
    found = compose(problem, tried, np.full((12, 1), ANY))
    for machine in np.flatnonzero(usable.any(axis=1).all(axis=1)):
        costs = assumed[machine][:, :, [LATENCY, ENERGY]] * problem.repeats[:, None]
        least = np.where(usable[machine][:, :, None], costs, np.inf).min(axis=0).sum(axis=0)
        mine = found.rows[found.machine == machine]
        for price in PRICES:
            loss = (costs / least) @ [price, 1.0 - price]
            every = [
                loss[list(picks), range(len(picks))].sum()
                for picks in itertools.product(range(4), repeat=loss.shape[1])
                if usable[machine][list(picks), range(len(picks))].all()
            ]
            own = []
            for row in mine:
                columns = problem.encoding.of_kernel
                picks = [
                    next(
                        at
                        for at in range(4)
                        if (tried.rows[machine, at] == row)[columns == kernel].all() and usable[machine, at, kernel]
                    )
                    for kernel in range(loss.shape[1])
                ]
                own.append(loss[picks, range(len(picks))].sum())
            assert min(own) == pytest.approx(min(every), rel=1e-9)


def test_an_archive_keeps_the_best_with_its_units(run, problem):
    apart = dataflow_archives(run)
    sample(run, 900, [run.archive, *apart])
    HardwareSearch(run, run.archive).improve()
    assert len(apart) > 1
    for archive in [run.archive, *apart]:
        used = np.bitwise_or.reduce(problem.encoding.unit_bits(archive.rows), axis=1)
        assert ((used & ~archive.units) == 0).all()
        assert nondominated(archive.scores.objectives).all()
    assert run.spent <= run.budget


def test_a_generation_asks_for_machines_and_lends_mappings(run, problem):
    sample(run, 600, [run.archive])
    operators = [HardwareSteps(), Scaling(), Mutation(), Crossover(), Remapping()]
    parents = [np.arange(min(5, len(run.archive.rows)))] * 5
    rows = generation(run, run.archive, operators, parents, 6)
    assert rows.shape == (sum(map(len, parents)), 6, len(problem.encoding.genes))
    of_hardware = problem.encoding.of_kernel < 0
    assert (rows[:, :, of_hardware] == rows[:, :1, of_hardware]).all()
    designs = problem.designs(rows.reshape(-1, rows.shape[2]))
    assert all(design.checked(problem.families) for design in designs)


def test_steps_stay_in_the_space_and_are_legal(problem):
    encoding, rng = problem.encoding, np.random.default_rng(2)
    rows = encoding.random(rng, 500)
    of_kernel = encoding.of_kernel >= 0
    moved = mapping_steps(encoding, rows, rng)
    assert (moved[:, ~of_kernel] == rows[:, ~of_kernel]).all()
    assert (moved != rows).any(axis=1).mean() > 0.9
    stepped = hardware_steps(encoding, rows, rng)
    assert ((stepped != rows).sum(axis=1) == 1).all()
    scaled = scaled_hardware(encoding, rows, rng)
    moves = scaled - rows
    assert ((moves >= 0).all(axis=1) | (moves <= 0).all(axis=1)).all()
    assert np.abs(moves).max() == 1
    assert (moves != 0).any(axis=1).mean() > 0.5
    built = buildable(encoding, rows)
    np.testing.assert_array_equal(buildable(encoding, built), built)
    assert (problem.score(built).fits[:, :, FITS.index("bus")] <= 1.0).all()
    smaller = shrink_tiles(encoding, rows, np.full((500, len(encoding.kernels)), 4.0), rng)
    assert (smaller <= rows).all()
    leaping = leaping_hardware(encoding, rows, rng)
    assert (leaping[:, of_kernel] == rows[:, of_kernel]).all()
    assert ((leaping != rows).sum(axis=1) > 1).mean() > 0.3
    for some in (moved, stepped, scaled, built, smaller, leaping):
        assert ((some >= 0) & (some < encoding.radix)).all()
        assert all(problem.design(row).checked(problem.families) for row in some[:50])


def test_a_block_of_mappings_has_every_value_of_a_number(problem):
    encoding, rng = problem.encoding, np.random.default_rng(3)
    rows = encoding.random(rng, 30)
    blocks = mappings_around(encoding, rows, 64, rng)
    changed = np.array([[len(np.unique(values)) for values in block.T] for block in blocks])  # [row, gene]
    assert (changed[:, encoding.of_kernel < 0] == 1).all()
    for kernel in range(len(encoding.kernels)):
        number = (encoding.of_kernel == kernel) & encoding.is_number & (encoding.radix > 1)
        choice = (encoding.of_kernel == kernel) & ~encoding.is_number
        assert ((changed[:, number] > 1).sum(axis=1) <= 1).all()
        assert (
            np.where(changed[:, number] > 1, changed[:, number], encoding.radix[number]) == encoding.radix[number]
        ).all()
        assert ((changed[:, choice] > 1).sum(axis=1) > 1).mean() > 0.5
    assert all(problem.design(row).checked(problem.families) for row in blocks[:5].reshape(-1, rows.shape[1]))


def test_designs_mapped_to_the_optimum_cannot_be_improved_by_an_exchange(problem):
    found = RandomSearch()(problem, budget=300, seed=0).genomes[::4]
    mapped = optimally_mapped(problem, found)
    before, after = problem.score(found), problem.score(mapped)
    assert after.feasible.all()
    assert (after.objectives <= before.objectives * (1 + 1e-5)).all()
    np.testing.assert_array_equal(optimally_mapped(problem, mapped), mapped)
    encoding = problem.encoding
    for row, ours in zip(mapped[:6], after.objectives, strict=False):
        for kernel in range(len(encoding.kernels)):
            own = np.flatnonzero(encoding.of_kernel == kernel)
            alone = problem.changed(
                encoding=type(encoding)(encoding.space, [encoding.kernels[kernel]]),
                statistics=[problem.statistics[kernel]],
            )
            others = every_mapping(alone.encoding)[:, alone.encoding.of_kernel == 0]
            exchanged = np.tile(row, (len(others), 1))
            exchanged[:, own] = others
            units = encoding.unit_bits(exchanged)
            kept = np.bitwise_or.reduce(encoding.unit_bits(row[None]), axis=1)
            same = (np.bitwise_or.reduce(units, axis=1) & ~kept) == 0
            scores = problem.score(encoding.canonical(exchanged[same]))
            better = (scores.objectives <= ours * (1 + 1e-6)).all(axis=1) & (
                scores.objectives[:, :2] < ours[:2] * (1 - 1e-5)
            ).any(axis=1)
            assert not (better & scores.feasible).any()


def test_free_units_are_free_all_together():
    problem = problem_of("layers", smoke=False)
    rows = problem.encoding.random(np.random.default_rng(4), 200)
    used = np.bitwise_or.reduce(problem.encoding.unit_bits(rows), axis=1)
    outputs = np.ones((len(rows), 1, OUTPUTS))
    with_free = problem.on_machines(outputs, rows, used | free_units(problem, rows))
    np.testing.assert_array_equal(with_free, problem.on_machines(outputs, rows, used))


def test_an_exchange_breaks_no_limit(problem):
    """A faster mapping of the same energy takes more power."""
    found = RandomSearch()(problem, budget=300, seed=1).genomes
    scores = problem.score(found)
    power = scores.energy_pj.sum(axis=1) * 1e-12 / scores.latency_s.sum(axis=1)
    limited = problem.within(problem.encoding.space, constraints={"power_w": float(np.median(power))})
    kept = found[limited.score(found).feasible]
    assert (optimally_mapped(problem, kept) != kept).any()
    mapped = limited.score(optimally_mapped(limited, kept))
    assert mapped.feasible.all()
    assert (mapped.objectives <= limited.score(kept).objectives * (1 + 1e-5)).all()


def test_a_space_that_is_used_up_ends_the_search(problem):
    tiny = problem.changed(
        encoding=type(problem.encoding)(
            problem.encoding.space.fix(pe_rows=4, pe_cols=4, lanes=4, tile_n=16), problem.kernels
        )
    )
    whole = Exhaustive()(tiny, budget=int(tiny.encoding.size))
    found = RandomSearch()(tiny, budget=10 * int(tiny.encoding.size), seed=0)
    assert found.converged
    np.testing.assert_allclose(found.objectives, whole.objectives, rtol=1e-5)


def test_a_limit_is_a_means_to_its_end(problem, tmp_path):
    """What is limited is an objective while the search goes on, and no longer in what it gives."""
    whole = RandomSearch()(problem, budget=1500, seed=0)
    limit = float(np.quantile(whole.objectives[:, 2], 0.3))
    limited = problem.within(
        problem.encoding.space, objectives=("latency_s", "energy_pj"), constraints={"area_mm2": limit}
    )
    wide = limited.with_limits_as_objectives()
    assert wide.objective_names == ("latency_s", "energy_pj", "area_mm2")
    assert wide.constraints[0].maximum > limit
    assert problem.with_limits_as_objectives() is problem
    found = RandomSearch()(limited, budget=1500, seed=0, checkpoint=tmp_path / "search.journal")
    assert limited.evaluations == found.evaluations <= 1500
    assert found.objectives.shape[1] == 2
    assert nondominated(found.objectives).all()
    scores = limited.score(found.genomes)
    assert scores.feasible.all()
    assert (scores.area_mm2 <= limit * (1 + 1e-5)).all()
    np.testing.assert_allclose(found.objectives, scores.objectives, rtol=1e-5)
    known = whole.objectives[whole.objectives[:, 2] <= limit]
    assert (found.objectives.min(axis=0) <= known[:, :2].min(axis=0) * 1.05).all()
    again = RandomSearch()(limited, budget=1500, seed=0, checkpoint=tmp_path / "search.journal")
    assert again.replayed > 0
    np.testing.assert_array_equal(again.genomes, found.genomes)


def test_restarts_agree_where_two_came_to_each_end():
    near, far = np.array([[1.0, 9.0], [8.0, 1.0]]), np.array([[1.2, 9.0], [8.0, 1.0]])
    genomes = np.zeros((2, 3), int)
    assert not agree([(genomes, near)])
    assert not agree([(genomes, near), (genomes, far)])
    assert agree([(genomes, near), (genomes, far), (genomes, near * 1.005)])


def test_slopes_are_asked_for_where_the_budget_has_room(problem):
    problem = problem.within(problem.encoding.space.fix(dataflow="gustavson"))  # compiles one gradient
    asked = []
    gradients = problem.batcher.gradients
    problem.batcher.gradients = lambda batch, pull: asked.append(len(batch)) or gradients(batch, pull)
    try:
        Gradient(slope_budget=2500)(problem, budget=2499, seed=0)
        assert not asked
        Gradient(slope_budget=2500)(problem, budget=2500, seed=0)
    finally:
        del problem.batcher.gradients
    assert sum(asked) >= 8
