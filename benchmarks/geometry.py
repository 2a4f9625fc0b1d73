"""The geometry against one cvxopt quadratic program a draw: same input, same process, runs in turn.

    python benchmarks/geometry.py            both cases, the center step, the scaling table (about two minutes)
    python benchmarks/geometry.py --quick    the same on fewer manifolds and draws (under a minute)
    python benchmarks/geometry.py --pixels   the center step on CIFAR-100's pixels too

The alternative solves min ½‖V − T‖² subject to S₊ᵀV ≤ −κ with cvxopt at tolerances 1e-12, the values in the
authors' published code, and takes the same measures from the multipliers. Both sides start from an array
(P, N, M) in memory, draw their own Gaussians and leave centers where they are. A run of the alternative
takes minutes, so it is given only some of the manifolds and its time is scaled up; the cost is a sum over
manifolds.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from cvxopt import matrix, solvers

from mfta.geometry import analyze, centers
from mfta.geometry.grams import gram_of_rows

solvers.options.update(show_progress=False, maxiters=1000, abstol=1e-12, reltol=1e-12, feastol=1e-12)


def by_cvxopt(manifolds: np.ndarray, of: int, draws: int, kappa: float = 0.0) -> np.ndarray:
    """Means of 1/capacity, radius and dimension over the first `of` manifolds, about the origin."""
    rng = np.random.default_rng(0)
    return np.mean([one_by_cvxopt(x, draws, kappa, rng) for x in manifolds[:of]], axis=0)


def one_by_cvxopt(x: np.ndarray, draws: int, kappa: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """1/capacity, radius and dimension of one manifold (N, M) about the origin."""
    center = x.mean(1)
    _, triangle = np.linalg.qr(x - center[:, None])
    points = np.vstack([triangle / np.linalg.norm(center), np.ones(x.shape[1])])
    d = len(points)
    identity, rows, bound = matrix(np.eye(d)), matrix(points.T.copy()), matrix(np.full(x.shape[1], -kappa))
    costs, anchors, cosines = [], [], []
    for t in rng.standard_normal((draws, d)):
        found = solvers.qp(identity, matrix(-t), rows, bound)
        moved = t - np.array(found["x"])[:, 0]
        costs.append(moved @ moved)
        weights = np.array(found["z"])[:, 0]
        inside = (points.T @ t <= -kappa).all()
        s = points[:-1, np.argmax(t @ points)] if inside else points[:-1] @ weights / weights.sum()
        anchors.append(s)
        cosines.append(s @ t[:-1] / np.linalg.norm(s) / np.linalg.norm(t[:-1]))
    s = np.array(anchors)
    radius = np.sqrt(np.square(s - s.mean(0)).sum(1).mean())
    return float(np.mean(costs)), float(radius), float((d - 1) * np.mean(cosines) ** 2)


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio(name: str, manifolds: np.ndarray, draws: int, of: int, runs: int) -> None:
    """Ours and theirs in turn; prints both times, the ratio and its spread."""
    analyze(manifolds, n_draws=draws, remove_centers=False).check()
    centered = manifolds - manifolds.mean((0, 2))[:, None]  # done beforehand for cvxopt, timed in ours
    ours, theirs, ratios = [], [], []
    for _ in range(runs):
        mine = np.median([seconds(lambda: analyze(manifolds, n_draws=draws, remove_centers=False)) for _ in range(5)])
        other = seconds(lambda: by_cvxopt(centered, of, draws)) * len(manifolds) / of
        ours.append(mine)
        theirs.append(other)
        ratios.append(other / mine)
    s = analyze(manifolds, n_draws=draws, remove_centers=False).summary()
    cost, radius, dimension = by_cvxopt(centered, of, draws)
    print(
        f"\n{name}: P, N, M = {manifolds.shape}, {draws} draws; cvxopt timed on {of} manifolds, {runs} runs in turn"
    )
    print(f"  ours   {np.median(ours) * 1e3:9.1f} ms   (from {min(ours) * 1e3:.1f} to {max(ours) * 1e3:.1f})")
    print(f"  cvxopt {np.median(theirs) * 1e3:9.1f} ms   (from {min(theirs) * 1e3:.1f} to {max(theirs) * 1e3:.1f})")
    print(f"  ratio  {np.median(ratios):9.1f}      (from {min(ratios):.1f} to {max(ratios):.1f})")
    print(f"  ours   capacity {s['capacity']:.4f}, radius {s['radius']:.3f}, dimension {s['dimension']:.2f}")
    print(f"  cvxopt capacity {1 / cost:.4f}, radius {radius:.3f}, dimension {dimension:.2f} (its manifolds)")


def center_step(runs: int, pixels: bool) -> None:
    """Time of finding what the centers share: random centers, a falling spectrum, and pixels if asked for."""
    rng = np.random.default_rng(0)
    cases = {
        name: rng.standard_normal((p, 1000)) * np.arange(1, 1001.0) ** -power
        for name, p, power in (("random centers", 50, 0.0), ("power law", 50, 1.0), ("power law ", 100, 1.0))
    }
    if pixels:
        from mfta import data  # needs the extra `train`

        images = data.load("cifar100", 50, 50)
        order = np.argsort(images.test_labels, kind="stable")
        cases["CIFAR-100 pixels"] = images.test_images.numpy()[order].reshape(100, 50, -1).mean(1, dtype=float)
    print("\ncentre step (on neither side above)")
    for name, c in cases.items():
        gram = gram_of_rows(c - c.mean(0))
        tolerance = 1e-12 * float(np.diag(gram).max())
        rank = len(centers.low_rank(gram, tolerance)[0])
        times = [
            seconds(lambda gram=gram, tolerance=tolerance: centers.low_rank(gram, tolerance)) for _ in range(runs)
        ]
        print(f"  {name:18s} P = {len(c):3d}: {np.median(times) * 1e3:7.1f} ms, rank {rank}")


def scaling(quick: bool) -> None:
    """Times against P, M, N and draws, one at a time, and the exponent fitted to the larger half."""
    base = {"P": 20, "M": 30, "N": 1000, "draws": 100} if quick else {"P": 50, "M": 50, "N": 2000, "draws": 200}
    print("\nscaling: random clouds without centers, milliseconds; others at", base)
    for name in base:
        sizes, times = [base[name] * k // 4 for k in (1, 2, 4, 8, 16)], []
        for size in sizes:
            now = base | {name: size}
            x = np.random.default_rng(0).standard_normal((now["P"], now["N"], now["M"]))
            analyze(x, n_draws=now["draws"], remove_centers=False)
            times.append(
                np.median(
                    [
                        seconds(lambda x=x, n=now["draws"]: analyze(x, n_draws=n, remove_centers=False))
                        for _ in range(5)
                    ]
                )
            )
        slope = np.polyfit(np.log(sizes[2:]), np.log(times[2:]), 1)[0]
        shown = "  ".join(f"{n}: {t * 1e3:.1f}" for n, t in zip(sizes, times, strict=True))
        print(f"  {name:6s} {shown}   exponent {slope:.2f}")


def main() -> None:
    """Runs all parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer manifolds, draws and runs")
    parser.add_argument("--pixels", action="store_true", help="CIFAR-100's pixels too (downloaded where absent)")
    options = parser.parse_args()
    quick = options.quick
    rng = np.random.default_rng(0)
    easy = 2 * rng.standard_normal((50, 2000, 1)) + rng.standard_normal((50, 2000, 50))
    ratio("easy (about 2 anchors a draw)", easy, 200, of=2 if quick else 10, runs=3 if quick else 5)
    hard = rng.standard_normal((100, 5000, 50))
    ratio("hard (about 25 anchors a draw)", hard, 200, of=2 if quick else 10, runs=3 if quick else 5)
    center_step(3 if quick else 9, options.pixels)
    scaling(quick)


if __name__ == "__main__":
    main()
