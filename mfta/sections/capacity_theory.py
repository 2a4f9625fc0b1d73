"""The theory against exact values and against simulation (the paper's Fig. 1B), and where they part.

Cases: ``exact`` (points, segments, discs, orthogonal points), ``finite`` (balls sampled by more and more points),
``simulated`` (sampled balls over radius and dimension, Gaussian clouds), ``sizes`` (one kind of ball, in other
numbers and among other numbers of features), ``centers`` (clouds whose centers share directions), ``shuffled``
(structured clouds under true and shuffled labels) and ``activations`` (class manifolds of the trained network).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from mfta import activations, labels, training
from mfta.configs import Analysis, Section
from mfta.geometry import analyze, analyze_point_cloud, exact, simulated_capacity
from mfta.streams import stream


class CapacityTheory(Section, Analysis):
    """The theory against exact values and simulation."""

    manifolds: int = Field(60, ge=20, description="P of the synthetic manifolds")
    exact_draws: int = Field(4000, ge=2, description="draws of the manifolds whose capacity is known")
    dichotomies: int = Field(12, ge=4, description="random labels at each number of features in simulations")


FEATURES = 400
CLOUD = 8
"""Points of a simulated cloud: the fewer, the higher the capacity, and the cheaper a simulation."""
SAMPLED = {1: 2, 2: 8, 3: 10, 6: 16}
"""Points on the surface of a simulated ball, by its dimension."""
DISC = 400
"""Points of a disc fine enough to have the disc's capacity to 1e-4."""


def compute(config: CapacityTheory, fresh: bool = False) -> pd.DataFrame:
    """The section's table for one seed: one row a case.

    Columns: case, name; what was given (kappa, given_radius, given_dimension, manifolds, features, points, spread,
    strength; removed: the shared part of the centers removed or not; layer, depth, stage); from the theory, capacity
    ± capacity_stderr (over draws), radius, dimension, center_correlation, unconverged draws and the largest residual;
    ``exact`` (for sampled balls: that of the whole ball) and ``simulated`` ± simulated_stderr, NaN where there is
    none. Where there is a simulation, the theory is given a quarter of ``exact_draws``.
    """
    generator = stream(config.seed, "capacity theory")
    rows = [*_exact(config, generator), *_finite(config, generator), *_simulated(config, generator)]
    rows += [*_sizes(config, generator), *_centers(config, generator), *_shuffled(config, generator)]
    rows += _activations(config, fresh)
    return pd.DataFrame(rows)


def _theory(points: np.ndarray, config: CapacityTheory, generator: np.random.Generator, kappa: float = 0.0) -> dict:
    """One manifold (D, M) at distance one from the origin, measured with many draws."""
    cloud = np.vstack([points, np.ones(points.shape[1])])
    draws = generator.standard_normal((len(cloud), config.exact_draws))
    return {"kappa": kappa, "points": points.shape[1], **_kept(analyze_point_cloud(cloud, draws, kappa).summary())}


def _kept(summary: dict) -> dict:
    """What the table keeps of a summary."""
    names = ("capacity", "radius", "dimension", "center_correlation", "unconverged", "residual")
    return {**{name: summary[name] for name in names}, "capacity_stderr": summary["capacity_stderr_draws"]}


def _exact(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    for kappa in (0.0, 0.5, 1.0, 2.0):
        measured = _theory(np.zeros((1, 1)), config, generator, kappa)
        yield {"case": "exact", "name": "point", **measured, "exact": exact.point_capacity(kappa)}
    for kappa in (0.0, 1.0):
        for radius in (0.25, 0.5, 1.0, 2.0):
            measured = _theory(np.array([[-radius, radius]]), config, generator, kappa)
            value = exact.segment_capacity(radius, kappa)
            yield {"case": "exact", "name": "segment", "given_radius": radius, **measured, "exact": value}
    angles = np.linspace(0, 2 * np.pi, DISC, endpoint=False)
    for kappa in (0.0, 0.5, 1.0):
        for radius in (0.5, 1.5):
            measured = _theory(radius * np.array([np.cos(angles), np.sin(angles)]), config, generator, kappa)
            value = exact.ball_capacity(radius, 2, kappa)
            yield {"case": "exact", "name": "disc", "given_radius": radius, **measured, "exact": value}
    for points in (2, 5, 10, 20, 50):
        simplex = np.sqrt(points) * (np.eye(points) - 1 / points)
        measured = _theory(simplex, config, generator)
        yield {"case": "exact", "name": "orthogonal points", **measured, "exact": exact.orthogonal_capacity(points)}


def _finite(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    for dimension in (3, 10, 20):
        for points in (10, 30, 100, 300, 1000):
            sphere = generator.standard_normal((dimension, points // 2))
            sphere /= np.linalg.norm(sphere, axis=0)
            measured = _theory(np.hstack([sphere, -sphere]), config, generator)
            given = {"given_radius": 1.0, "given_dimension": dimension, "exact": exact.ball_capacity(1.0, dimension)}
            yield {"case": "finite", "name": "ball", **given, **measured}


def _simulated(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    for dimension in (1, 3, 6):
        for radius in (0.2, 0.5, 1.0, 1.5):
            yield {"case": "simulated", **_ball(config, generator, config.manifolds, FEATURES, radius, dimension)}
    for spread in (0.3, 1.0):
        centers = generator.standard_normal((config.manifolds, FEATURES, 1))
        clouds = centers + spread * generator.standard_normal((config.manifolds, FEATURES, CLOUD))
        yield {"case": "simulated", "name": "cloud", "spread": spread, **next(_both_ways(clouds, config))}


def _sizes(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    for manifolds, features in ((10, 400), (20, 400), (40, 400), (80, 400), (40, 100), (40, 1600)):
        yield {"case": "sizes", **_ball(config, generator, manifolds, features, 0.7, 2)}


def _ball(
    config: CapacityTheory,
    generator: np.random.Generator,
    manifolds: int,
    features: int,
    radius: float,
    dimension: int,
) -> dict:
    """Balls about random centers, known by points on their surface: a segment by its ends."""
    points = SAMPLED[dimension]
    axes, _ = np.linalg.qr(generator.standard_normal((manifolds, features, dimension)))
    surface = generator.standard_normal((manifolds, dimension, points))
    if dimension == 1:
        surface[:, 0] = (-1.0, 1.0)
    surface /= np.linalg.norm(surface, axis=1, keepdims=True)
    centers = generator.standard_normal((manifolds, features, 1))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    given = {"given_radius": radius, "given_dimension": dimension}
    balls = next(_both_ways(centers + radius * axes @ surface, config))
    return {"name": "ball", **given, **balls, "exact": exact.ball_capacity(radius, dimension)}


def _centers(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    """Centers with a common rank-two part of growing strength, measured with and without its removal."""
    for strength in (0.0, 1.0, 3.0):
        shared = generator.standard_normal((config.manifolds, 2)) @ generator.standard_normal((2, FEATURES))
        centers = generator.standard_normal((config.manifolds, FEATURES)) + strength * shared
        clouds = centers[:, :, None] + 0.6 * generator.standard_normal((config.manifolds, FEATURES, CLOUD))
        for row in _both_ways(clouds, config):
            yield {"case": "centers", "name": "cloud", "strength": strength, **row}


def _shuffled(config: CapacityTheory, generator: np.random.Generator) -> Iterator[dict]:
    """Clouds of a power-law covariance: the classes' own labels, and labels shuffled over all points."""
    scales = np.arange(1, FEATURES + 1) ** -0.5
    centers = generator.standard_normal((config.manifolds, FEATURES, 1))
    for points in (10, 20, 50):
        clouds = centers + 1.5 * generator.standard_normal((config.manifolds, FEATURES, points))
        clouds *= scales[:, None]
        mixed = generator.permutation(clouds.transpose(0, 2, 1).reshape(-1, FEATURES))
        mixed = mixed.reshape(config.manifolds, points, FEATURES).transpose(0, 2, 1)
        for name, manifolds in (("true labels", clouds), ("shuffled labels", mixed)):
            measured = _analysis(manifolds, config, config.draws, removed=True)
            yield {"case": "shuffled", "name": name, **measured, "exact": exact.orthogonal_capacity(points)}


def _activations(config: CapacityTheory, fresh: bool) -> Iterator[dict]:
    """Test images' class manifolds, untrained, at the best epoch and at the last."""
    run = training.run(config.training, fresh)
    rows = labels.class_examples(run.dataset.test_labels, CLOUD, config.seed, "test")
    for stage, epoch in (("initial", 0), ("best", run.best_epoch), ("last", config.training.epochs)):
        network = run.network(epoch)
        for layer, answers in activations.record(network, run.dataset.test_images):
            if layer == "head":
                continue  # as many features as classes: nothing left to project to
            manifolds = np.ascontiguousarray(activations.manifolds(answers, rows))
            where = {"stage": stage, "layer": layer, "depth": network.layers.index(layer)}
            for row in _both_ways(manifolds, config):
                yield {"case": "activations", "name": "classes", **where, **row}


def _both_ways(manifolds: np.ndarray, config: CapacityTheory) -> Iterator[dict]:
    """Theory with and without removal of what the centers share, beside one simulation."""
    repeats = max(1, 40 // len(manifolds))  # few manifolds: each answer tells less, and costs less
    found = simulated_capacity(manifolds, repeats * config.dichotomies, config.seed)
    simulated = {"simulated": found.capacity, "simulated_stderr": found.stderr}
    for removed in (False, True):
        yield {**_analysis(manifolds, config, config.exact_draws // 4, removed), **simulated}


def _analysis(manifolds: np.ndarray, config: CapacityTheory, draws: int, removed: bool) -> dict:
    summary = analyze(manifolds, 0.0, draws, config.seed, removed, config.threads, cross_check=False).summary()
    given = dict(zip(("manifolds", "features", "points"), manifolds.shape, strict=True))
    return {"kappa": 0.0, **given, "removed": removed, **_kept(summary)}
