"""What the sensitivity script concludes: shares, words and rivals on small problems."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dse import Outcomes, default_space, draw_factors, make_problem
from experiments import sensitivity
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.sensitivity.conclusions import (
    Survey,
    choice_rows,
    choice_story,
    constant_rows,
    design_rows,
    pair_rows,
    story,
    verdict,
)
from experiments.common.sensitivity.rivals import best_rivals
from experiments.common.sensitivity.sharing import EMBEDDED, groups_of, share, workload_rows
from hwmodels.cost import RESOURCES
from hwmodels.technology import constants_table
from workloads import resolve_workload

TABLE = constants_table()
DRAWS = 200


def outcomes(latency, energy, area) -> Outcomes:
    """Everything in the first component."""
    latency, energy, area = (np.atleast_2d(np.asarray(value, float)) for value in (latency, energy, area))
    wide = [np.concatenate([v[:, :, None], np.zeros((*v.shape, 8))], axis=2) for v in (energy, area)]
    return Outcomes(latency, *wide, np.ones((*latency.shape, len(RESOURCES))), np.isfinite(latency))


@pytest.fixture(scope="module")
def survey() -> Survey:
    """Energy of design 1 hangs on the first constant, and crosses that of design 0; nothing else varies."""
    factors = draw_factors(TABLE, DRAWS, seed=0)
    one = np.ones(DRAWS)
    energy = np.stack([one, 1.02 * factors[:, 0], 3 * one], axis=1)
    drawn = outcomes(np.tile([1.0, 1.0, 0.5], (DRAWS, 1)), energy, np.tile([1.0, 1.0, 2.0], (DRAWS, 1)))
    return Survey(TABLE, factors, drawn, outcomes([1.0, 1.0, 0.5], [1.0, 1.02, 3.0], [1.0, 1.0, 2.0]))


def test_shares_of_designs_and_pairs(survey):
    ahead = float((survey.factors[:, 0] * 1.02 < 1).mean())
    assert 0.2 < ahead < 0.5
    rows = design_rows(survey)
    assert [row["on_front_share"] for row in rows] == pytest.approx([1 - ahead, ahead, 1.0])
    assert [row["least_energy_pj_share"] for row in rows] == pytest.approx([1 - ahead, ahead, 0.0])
    assert rows[0]["energy_pj_p97.5_over_default"] == rows[0]["energy_pj_p2.5_over_default"] == 1.0
    assert rows[1]["energy_pj_p2.5_over_default"] < 1 < rows[1]["energy_pj_p97.5_over_default"]
    pairs = {(row["a"], row["b"]): row for row in pair_rows(survey)}
    assert pairs[1, 0]["less_energy_pj_share"] + pairs[0, 1]["less_energy_pj_share"] == pytest.approx(1.0)
    assert pairs[2, 0]["less_latency_s_share"] == 1.0


def test_the_constant_that_matters_comes_first(survey):
    energy = np.ones((len(TABLE), 3))
    same = np.tile([1.0, 1.0, 0.5], (len(TABLE), 1)), np.tile([1.0, 1.0, 2.0], (len(TABLE), 1))
    ends = []
    for factor in (0.9, 1.1):
        energy = np.tile([1.0, 1.02, 3.0], (len(TABLE), 1))
        energy[0, 1] *= factor
        ends.append(outcomes(same[0], energy, same[1]))
    first, *others = constant_rows(survey, *ends, 1)
    assert first["constant"] == TABLE[0].name
    assert (first["edp_low"], first["edp_high"]) == pytest.approx((0.9, 1.1))
    assert first["edp_rank_correlation"] == pytest.approx(1.0)
    assert max(abs(row["edp_rank_correlation"]) for row in others) < 0.3


def test_words_follow_the_shares(survey):
    assert [verdict(share) for share in (0.99, 0.9, 0.7, 0.3)] == ["survives", "mostly survives", "is open", "falls"]
    rows = choice_rows("format of A", ["csr", "coo", "bitmask"], survey)
    assert [row["value"] for row in rows] == ["csr", "coo", "bitmask"], "by energy-delay product by default"
    assert sum(row["best_share"] for row in rows) == pytest.approx(1.0)
    assert f"csr is best: {verdict(rows[0]['best_share'])}" in choice_story(rows)[0]
    assert choice_story(rows[:1]) == [], "no rival, no conclusion"
    text = "\n".join(story(survey, design_rows(survey), {"balanced": 0, "fastest": 2}, [rows], 0))
    assert "design 2 has the least latency: survives, in 100%" in text
    assert "design 0 has a smaller energy-delay product than design 2 (1.5 x): survives, in 100%" in text


@pytest.fixture(scope="module")
def problem(kernels, measured, tech):
    space = default_space().fix(dataflow="gustavson", schedule="row_blocks", loop_order="mkn")
    workload = SimpleNamespace(name="small", kernels=kernels["dense_b"])
    return make_problem(workload, space, tech, statistics=measured["dense_b"])


@pytest.fixture(scope="module")
def base(problem):
    rows = problem.encoding.random(np.random.default_rng(0), 60)
    return problem.design(rows[int(np.flatnonzero(problem.score(rows).feasible)[0])])


def test_rivals_differ_in_the_choice_on_the_same_hardware(problem, base):
    found = best_rivals(problem, base, "a_format")
    assert {"csr", "bitmask"} <= set(found)
    for value, design in found.items():
        assert {mapping["a_format"] for mapping in design.mappings} == {value}
        assert design.hardware == base.hardware
    scores = problem.score_designs(list(found.values()))
    assert scores.feasible.all()
    assert set(best_rivals(problem, base, "a_zero")) <= {"compute", "gate", "skip"}


def test_shared_designs_regret_nothing_less_than_nothing(problem, base):
    shared = share(problem, {"skewed": [0], "even": [1]}, [base], 80, 0)
    assert np.nanmin(shared.regret) >= -1e-6
    assert shared.worst.min() >= 1 - 1e-6
    rows = workload_rows(shared)
    assert len(rows) == len(shared.designs)
    best = {words for row in rows for words in row["best_by"].split(" and ") if words}
    assert best == {"geometric mean", "worst case"}


def test_workloads_are_specs_suites_or_kernels():
    def kernels_of(spec):
        return SimpleNamespace(kernels=resolve_workload(spec).kernels)

    groups = groups_of(["embedded"], kernels_of("embedded"))
    assert tuple(groups) == EMBEDDED
    assert [at for group in groups.values() for at in group] == list(range(len(kernels_of("embedded").kernels)))
    assert [
        k.name.partition("_")[0] for k in (kernels_of("embedded").kernels[at[0]] for at in groups.values())
    ] == list(EMBEDDED)
    assert list(groups_of(["digits"], kernels_of("digits")).values()) == [[0], [1], [2]]
    assert groups_of(["stencil", "stencil"], None) == {"stencil": [0], "stencil#2": [1]}


@pytest.mark.parametrize("wrong", [("--scale", "9"), ("--draws", "0"), ("--design", "none.json")])
def test_mistakes_are_answered_in_one_line(wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(sensitivity.run, sensitivity.Config, ["--smoke", *wrong, "--out", str(tmp_path)]) == USAGE_ERROR
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
