"""Half precision and coarser: no direction is lost to rounding, and none is made by it."""

import numpy as np
import pytest

from mfta.geometry import GeometryError, analyze, effective_geometry, manifolds

from .clouds import clouds


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("level", [0.0, 10.0, 30.0])
def test_a_coarse_type_loses_no_direction_to_what_all_points_share(kind, level):
    """A feature that is equal everywhere is not rounded differently from point to point, however large it is."""
    torch = pytest.importorskip("torch")
    X = np.concatenate([manifolds.clouds(10, 60, 12, 0.5), np.full((10, 1, 12), level)], axis=1)
    coarse = torch.from_numpy(X).to(getattr(torch, kind))
    exact = coarse.double()
    assert analyze(coarse).rank.min() == 11
    for measure in (analyze, effective_geometry):
        found, expected = (measure(x).summary()["capacity"] for x in (coarse, exact))
        assert found == pytest.approx(expected, rel=0.01), measure


def test_directions_that_rounding_alone_makes_are_left_out():
    X = manifolds.balls(10, 100, 40, 0.8, 3).astype(np.float16)
    assert list(analyze(X).rank) == [3] * 10


def test_types_that_only_torch_has_are_read():
    torch = pytest.importorskip("torch")
    X = torch.from_numpy(clouds(np.random.default_rng(44)))
    g = analyze(X)
    for kind, tolerance in ((torch.bfloat16, 0.02), (torch.float8_e4m3fn, 0.1)):
        assert analyze(X.to(kind)).summary()["capacity"] == pytest.approx(g.summary()["capacity"], rel=tolerance)
    with pytest.raises(GeometryError, match="sparse"):
        analyze([x.to_sparse() for x in X])
    with pytest.raises(GeometryError, match="quantized"):
        analyze([torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8) for x in X])
    with pytest.raises(GeometryError, match="sparse"):
        analyze(X[0].to_sparse(), labels=np.repeat([0, 1], 40))


def test_numbers_too_coarse_for_their_distance_from_zero_are_refused_for_that():
    X = clouds(np.random.default_rng(43))
    with pytest.raises(GeometryError, match="rounded so far from zero"):
        analyze((X + 2000.0).astype(np.float16))
    analyze(X.astype(np.float16))
