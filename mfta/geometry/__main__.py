"""`python -m mfta.geometry` compiles every kernel, so that no first call waits for it."""

import numpy as np

from . import analyze, simulated_capacity

if __name__ == "__main__":
    for kind in (np.float32, np.float64):
        x = np.random.default_rng(0).standard_normal((8, 30, 6)).astype(kind)
        for manifolds in (x, np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1)):
            analyze(manifolds, directions=np.eye(30)[:1])
            analyze(manifolds)
    simulated_capacity(x)
