"""Where the theory does not hold for few manifolds, a few simulated dichotomies say so."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mfta import measure_layers
from mfta.geometry import GeometryError, analyze, cautions, manifolds, simulated_capacity


def said(*given, **how):
    """The warnings of an analysis that speak of the capacity, and its capacity."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        geometry = analyze(*given, **how)
    return [str(w.message) for w in caught if "capacity of" in str(w.message)], geometry.summary()["capacity"]


@pytest.mark.parametrize("p", [7, 10, 20])
def test_nothing_is_said_where_theory_is_right(p):
    found = 0
    for seed in range(12):
        centers = manifolds.centers(p, 5 * p, "uncorrelated", seed=seed)
        found += len(said(manifolds.clouds(p, 5 * p, 10, 0.6, seed, centers))[0])
    assert found <= 1


@pytest.mark.parametrize("classes", [range(4), range(3, 10), range(10)])
def test_few_digits_are_warned_of_and_simulation_says_the_same(classes):
    digits = load_digits()
    some = np.isin(digits.target, classes)
    x, how = digits.data[some], {"labels": digits.target[some], "points": 30}
    [message], capacity = said(x, **how, remove_centers=len(classes) > 5)
    assert "too high" in message
    assert capacity > 1.25 * simulated_capacity(x, **how).capacity


def test_it_is_said_once_for_all_layers_of_a_model():
    nn = pytest.importorskip("torch.nn")
    digits = load_digits()
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    for layer in model:
        nn.init.eye_(layer.weight)
    with pytest.warns(UserWarning, match="^layer 'input': a capacity .*; and 3 more like it$") as caught:
        measure_layers(model, digits.data.astype("f4"), digits.target, points=30)
    assert len(caught) == 1


def test_it_can_be_left_out_and_changes_no_number():
    digits = load_digits()
    how = {"labels": digits.target, "points": 30}
    (messages, capacity), (_, checked) = said(digits.data, cross_check=False, **how), said(digits.data, **how)
    assert not messages
    assert capacity == checked
    assert not said(digits.data, kappa=0.1, **how)[0]  # the simulation's is zero


def test_what_cannot_be_decided_stops_no_analysis(monkeypatch):
    def undecided(points):
        raise GeometryError("one dichotomy could not be decided")

    monkeypatch.setattr(cautions, "separable", undecided)
    digits = load_digits()
    assert said(digits.data, labels=digits.target, points=30)[0] == []


def test_unequal_numbers_of_points_and_tensors_are_checked_too():
    torch = pytest.importorskip("torch")
    digits = load_digits()
    clouds = [digits.data[digits.target == k][: 25 + k].T for k in range(10)]
    assert said(clouds)[0] == said([torch.from_numpy(np.ascontiguousarray(x)) for x in clouds])[0] != []


def paired(pairs, apart):
    """The Gram matrix of so many opposite pairs and so many centers apart, all at right angles."""
    centers = np.zeros((2 * pairs + apart, pairs + apart))
    centers[: 2 * pairs, :pairs] = np.kron(np.eye(pairs), [[1.0], [-1.0]])
    centers[2 * pairs :, pairs:] = np.eye(apart)
    return centers @ centers.T


@pytest.mark.parametrize(("pairs", "apart", "warns"), [(2, 4, False), (3, 2, True), (4, 12, False), (5, 10, True)])
def test_pairs_are_said_of_half_of_the_centers_and_six_at_least(pairs, apart, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert cautions._of_pairs(paired(pairs, apart)) == warns
    assert [f"{2 * pairs} of {2 * pairs + apart} manifolds" in str(one.message) for one in caught] == [True] * warns


def test_pairs_that_removal_alone_made_or_undid_are_none():
    before, after = paired(4, 0), np.eye(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not cautions._of_pairs(before, after)
        assert not cautions._of_pairs(after, before)
    with pytest.warns(UserWarning, match="8 of 8 manifolds"):
        assert cautions._of_pairs(before, before)
