import numpy as np
import pytest

from mfta import labels
from mfta.errors import ParameterError

TRUE = np.repeat(np.arange(10), 40)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_class_counts_stay_and_every_class_gives_the_same_number(fraction):
    permuted = labels.permute(TRUE, fraction, seed=3)
    assert np.array_equal(np.bincount(permuted.trained), np.bincount(TRUE))
    given = np.bincount(TRUE[permuted.permuted], minlength=10)
    assert np.array_equal(given, np.full(10, round(fraction * 40)))
    assert np.array_equal(permuted.trained[~permuted.permuted], TRUE[~permuted.permuted])


def test_true_and_permuted_labels_are_uncorrelated():
    # A tenth of the permuted examples keep their label by chance; the count over many seeds is binomial.
    kept = [labels.permute(TRUE, 0.5, seed).unchanged_fraction for seed in range(100)]
    assert abs(np.mean(kept) - 0.1) < 4 * np.sqrt(0.1 * 0.9 / (200 * 100))


def test_permutation_follows_its_seed_alone():
    first, again, other = (labels.permute(TRUE, 0.5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.trained, again.trained)
    assert not np.array_equal(first.trained, other.trained)
    assert not np.array_equal(first.permuted, other.permuted)  # nor which examples are permuted


@pytest.mark.parametrize("points", [2, 7, 20])
def test_restored_and_permuted_manifolds_hold_the_same_images(points):
    permuted = labels.permute(TRUE, 0.5, seed=0)
    as_trained = labels.manifold_examples(permuted, "permuted", points, seed=0)
    as_true = labels.manifold_examples(permuted, "restored", points, seed=0)
    assert as_trained.shape == as_true.shape == (10, points)
    assert np.array_equal(np.sort(as_trained.ravel()), np.sort(as_true.ravel()))
    for c in range(10):
        assert set(permuted.trained[as_trained[c]]) == {c}
        assert set(TRUE[as_true[c]]) == {c}


def test_unpermuted_manifolds_hold_no_permuted_image():
    permuted = labels.permute(TRUE, 0.5, seed=0)
    rows = labels.manifold_examples(permuted, "unpermuted", 20, seed=0)
    assert not permuted.permuted[rows].any()
    assert len(np.unique(rows)) == rows.size


def test_points_are_drawn_by_the_seed_alike_from_all_of_a_class():
    drawn = np.stack([labels.class_examples(TRUE, 10, seed, "test") for seed in range(200)])
    assert np.array_equal(drawn[0], labels.class_examples(TRUE, 10, 0, "test"))
    assert (TRUE[drawn] == np.arange(10)[:, None]).all()
    counts = np.bincount(drawn.ravel(), minlength=len(TRUE))  # 50 expected, with a deviation of 6
    assert counts.min() > 20
    assert counts.max() < 80


@pytest.mark.parametrize("examples", ["unpermuted", "permuted", "restored"])
def test_more_points_than_the_smallest_class_are_refused(examples):
    permuted = labels.permute(TRUE, 0.5, seed=0)
    with pytest.raises(ParameterError, match=rf"points = 21 .* {examples} examples has \(20\)"):
        labels.manifold_examples(permuted, examples, 21, seed=0)


@pytest.mark.parametrize("fraction", [-0.1, 1.5])
def test_fractions_outside_the_unit_interval_are_refused(fraction):
    with pytest.raises(ParameterError, match="outside"):
        labels.permute(TRUE, fraction, seed=0)


def test_unequal_classes_are_refused():
    with pytest.raises(ParameterError, match="39 to 40"):
        labels.permute(TRUE[1:], 0.5, seed=0)
