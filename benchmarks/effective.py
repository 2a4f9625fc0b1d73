"""The effective geometry (GLUE): recovery of what was made, simulation, and seconds beside a loop of nnls or cvxopt.

    python benchmarks/effective.py              recovery over the papers' sweep (under a minute)
    python benchmarks/effective.py --simulated  against simulations of the same dichotomies too (three minutes)
    python benchmarks/effective.py --timed      20 manifolds of 50 points in 5,000 features, both ways in one run

Recovery: two balls of 200 points in 1,000 features, one of dimension, radius and correlation of the centers varied at
a time (Chou et al., ICML 2025, App. B.5), mean ± standard deviation over three seeds. A dimension above 4 shows too
low, as two hundred points do not fill such a ball.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from cvxopt import matrix, solvers
from scipy.optimize import nnls

from mfta.geometry import effective_geometry, manifolds, simulated_capacity
from mfta.geometry.dichotomies import signs

solvers.options.update(show_progress=False, abstol=1e-10, reltol=1e-10, feastol=1e-10)


def recovered(radius: float, dimension: int, correlation: float, points: int = 200) -> np.ndarray:
    """Dimension, radius, center alignment, utility, capacity and the identity's error of two balls: (3, 6)."""
    rows = []
    for seed in range(3):
        about = manifolds.centers(2, 1000, "chain", correlation, seed)
        s = effective_geometry(manifolds.balls(2, 1000, points, radius, dimension, seed, about), seed=seed).summary()
        error = s["utility"] * (1 + s["radius"] ** -2) / s["dimension"] / s["capacity"] - 1
        rows.append([s[k] for k in ("dimension", "radius", "center_alignment", "utility", "capacity")] + [abs(error)])
    return np.array(rows)


def recovery() -> None:
    """Prints the sweeps."""
    print("made: R    D   rho   points   found: D            R            rho          utility   capacity   identity")
    cases = [(1.0, d, 0.0, 200) for d in (2, 4, 6, 8, 10)]
    cases += [(r, 4, 0.0, 200) for r in (0.8, 1.0, 1.4, 1.7, 2.0)]
    cases += [(1.0, 4, c, 200) for c in (0.0, 0.2, 0.4, 0.6, 0.8)]
    cases += [(1.0, 10, 0.0, m) for m in (50, 800)]
    for r, d, c, m in cases:
        rows = recovered(r, d, c, m)
        mean, sd = rows.mean(0), rows.std(0, ddof=1)
        found = "   ".join(f"{x:5.2f} ± {e:4.2f}" for x, e in zip(mean[:3], sd[:3], strict=True))
        print(
            f"    {r:5.1f}  {d:3d}  {c:4.1f}   {m:5d}       {found}      {mean[3]:5.2f}     {mean[4]:6.3f}"
            f"    {rows[:, 5].max():.0e}"
        )


def simulation() -> None:
    """Prints theory beside simulation for kinds of centers and of dichotomies."""
    print("centers        dichotomies        theory            simulated         off")
    given = np.where(np.arange(12) % 4 < 2, 1, -1)
    for kind in ("uncorrelated", "low-rank", "hierarchical", "antipodal"):
        x = manifolds.balls(12, 120, 10, 0.8, 4, 0, manifolds.centers(12, 120, kind, 0.6))
        for name, y in (("balanced", "balanced"), ("one-versus-rest", "one-versus-rest"), ("given", given)):
            t = effective_geometry(x, y, n_draws=400).summary()
            s = simulated_capacity(x, 60, dichotomies=y, center=False)
            off = t["capacity"] / s.capacity - 1
            print(
                f"{kind:14s} {name:16s}  {t['capacity']:6.3f} ± {t['capacity_stderr']:5.3f}   "
                f"{s.capacity:6.3f} ± {s.stderr:5.3f}   {100 * off:+5.1f} %",
                flush=True,
            )


def loop(points: np.ndarray, owner: np.ndarray, y: np.ndarray, t: np.ndarray, solver: str) -> float:
    """Capacity by one problem a draw in the coordinates (m, r) of the points, as strangers' code does."""
    costs = []
    for side, draw in zip(y, t, strict=True):
        signed = points * side[owner, None]
        if solver == "nnls":
            costs.append(np.square(signed.T @ nnls(signed.T, draw, maxiter=30 * len(points))[0]).sum())
        else:
            bound = matrix(np.zeros(len(points)))
            found = solvers.qp(matrix(np.eye(len(draw))), matrix(-draw), matrix(signed), bound)
            costs.append(np.square(draw - np.array(found["x"])[:, 0]).sum())
    return y.shape[1] / float(np.mean(costs))


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    start, used = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - used


def timing(draws: int = 200, few: int = 3) -> None:
    """Prints seconds for 20 manifolds, 50 points, 5,000 features; a loop's time is that of a few draws, scaled."""
    x = manifolds.clouds(20, 5000, 50, 0.8)
    effective_geometry(x[:3, :, :5], n_draws=10)  # compile
    wall, ours = seconds(lambda: effective_geometry(x, n_draws=draws, threads=1).check())
    print(f"mfta, one thread: {wall:.1f} s, of the processor {ours:.1f}, for {draws} draws", flush=True)
    print(f"mfta, all threads: {seconds(lambda: effective_geometry(x, n_draws=draws))[0]:.1f} s", flush=True)
    rng = np.random.default_rng(0)
    y, owner = signs("balanced", 20, few, rng), np.repeat(np.arange(20), 50)
    points = np.linalg.qr(x.transpose(0, 2, 1).reshape(1000, 5000).T, mode="r").T
    t = rng.standard_normal((few, 1000))
    for solver in ("nnls", "cvxopt"):
        wall, used = (draws / few * s for s in seconds(lambda name=solver: loop(points, owner, y, t, name)))
        print(f"{solver}: {wall:.0f} s, of the processor {used:.0f} ({used / ours:.0f} times)", flush=True)


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--timed", action="store_true")
    asked = parser.parse_args()
    if asked.timed:
        return timing()
    recovery()
    if asked.simulated:
        simulation()
    return None


if __name__ == "__main__":
    main()
