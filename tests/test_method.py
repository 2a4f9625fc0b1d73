"""The drawn anchors are those that the measures are made of."""

import numpy as np
import pytest
from scipy.optimize import nnls

from mfta.readout import method

EXAMPLES = method.examples(300, 0)


@pytest.fixture(params=[(name, kappa) for name in EXAMPLES for kappa in (0.0, 1.5)], ids=str)
def example(request):
    name, kappa = request.param
    return method.solve(EXAMPLES[name].points[:-1], EXAMPLES[name].draws, kappa)


def test_the_measures_follow_from_the_drawn_anchors(example):
    cost = ((example.draws - example.nearest) ** 2).sum(0)
    spread = ((example.anchors - example.anchors.mean(1, keepdims=True)) ** 2).sum(0)
    geometry = example.geometry
    assert 1 / cost.mean() == pytest.approx(geometry.capacity[0])
    assert np.sqrt(spread.mean()) == pytest.approx(geometry.radius[0])
    assert len(example.anchors) * example.cosines.mean() ** 2 == pytest.approx(geometry.dimension[0])


def test_the_nearest_vector_is_what_another_solver_finds(example):
    assert (example.points.T @ example.nearest).max() <= -example.kappa + 1e-9
    shift = np.zeros(len(example.points))
    shift[-1] = example.kappa
    for draw, nearest in list(zip(example.draws.T, example.nearest.T, strict=True))[:20]:
        weights, _ = nnls(example.points, draw + shift)
        np.testing.assert_allclose(draw - example.points @ weights, nearest, atol=1e-9)


def test_as_many_points_hold_an_anchor_as_have_weight():
    for name, most in (("segment", 2), ("narrow", 3), ("ball", 4)):
        found = set(EXAMPLES[name].holding)
        assert found == set(range(most + 1)), name
        for holding in found:
            assert EXAMPLES[name].holding[method.long_draw(EXAMPLES[name], holding)] == holding


def test_a_flatter_manifold_has_fewer_dimensions_and_a_margin_costs_capacity():
    values = method.values(EXAMPLES, method.with_margins(EXAMPLES["narrow"]))
    assert values["needle_dimension"] < values["disc_dimension"] < values["ball_dimension"] < 3
    assert values["margin_capacity"] < values["no_margin_capacity"]
    assert values["no_margin_capacity"] == pytest.approx(values["narrow_capacity"], rel=1e-12)
    assert values["margin_radius"] < values["no_margin_radius"]
