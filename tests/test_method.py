"""The anchors of the method page, found by another solver, and the package's measures agree."""

import numpy as np
import pytest
from in_sight import functions

import mfta

PAGE = functions("method")
GENERATOR = np.random.default_rng(0)
ROUND = GENERATOR.standard_normal((3, 12))
SHAPES = {"ball": ROUND, "disc": ROUND * [[1], [1], [0.15]], "needle": ROUND * [[1], [0.15], [0.15]]}
DRAWS = GENERATOR.standard_normal((4, 300))


@pytest.mark.parametrize("kappa", [0.0, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_and_the_package_agree_to_eight_digits(shape, kappa):
    found = PAGE.measure(PAGE.solve(SHAPES[shape], DRAWS, kappa))
    package = mfta.analyze_point_cloud(found.points, DRAWS, kappa).check()
    for name in ("capacity", "radius", "dimension"):
        assert getattr(found, name) == pytest.approx(getattr(package, name)[0], rel=1e-8)


def test_every_nearest_vector_is_allowed_and_nearest():
    found = PAGE.solve(SHAPES["disc"], DRAWS, 1.5)
    assert (found.points.T @ found.nearest).max() <= -1.5 + 1e-9
    others = DRAWS - 5.0 * np.array([[0], [0], [0], [1]])
    allowed = (found.points.T @ others).max(0) <= -1.5
    assert allowed.any()
    nearer = np.linalg.norm(DRAWS - found.nearest, axis=0) <= np.linalg.norm(DRAWS - others, axis=0) + 1e-9
    assert nearer[allowed].all()


def test_a_flatter_manifold_has_fewer_dimensions_and_a_margin_costs_capacity():
    measured = {name: PAGE.measure(PAGE.solve(points, DRAWS)) for name, points in SHAPES.items()}
    assert measured["needle"].dimension < measured["disc"].dimension < measured["ball"].dimension < 3
    with_margin = PAGE.measure(PAGE.solve(SHAPES["disc"], DRAWS, 1.0))
    assert with_margin.capacity < measured["disc"].capacity
    assert with_margin.radius < measured["disc"].radius
