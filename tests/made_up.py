"""Tables of the sections made up from a few factors, so that a test knows what every rule must say of them."""

import numpy as np
import pandas as pd

SETS = ("unpermuted", "permuted", "restored", "test")
RISE = {"unpermuted": (1.2, 1.5, 2.0), "restored": (1.1, 1.3, 1.6), "test": (1.1, 1.3, 1.6), "permuted": (1, 1, 1.05)}
"""By set, factors of the first, middle and final third: what the paper's claims would have of capacity."""
MEMORIZE = {"unpermuted": (1, 1, 1.05), "restored": (1, 0.9, 0.7), "test": (1, 0.9, 0.7), "permuted": (1, 1.2, 2.5)}
SHRINK = (1, 0.95, 0.6)


def jitter(seeds, size=0.01):
    """A deviation a seed that sums to nothing."""
    return dict(enumerate(np.linspace(-size, size, seeds) if seeds > 1 else [0.0]))


def memorization(early=RISE, late=MEMORIZE, radius=SHRINK, dimension=SHRINK, accuracy=1.0, seeds=3, levels=None):
    """Nine layers over an input. radius, dimension: of the permuted manifolds, last over best epoch.

    levels: capacity of a set in all layers before anything else, 0.05 where it is not named.
    """
    rows = []
    for seed, shift in jitter(seeds).items():
        for name in SETS:
            for depth in range(10):
                third = None if depth == 0 else (depth - 1) // 3
                layer = {"seed": seed, "layer": f"layer {depth}", "depth": depth, "examples": name}
                capacity, size = (levels or {}).get(name, 0.05), {"radius_median": 1.5, "dimension": 20.0}
                rows.append({**layer, "stage": "initial", "capacity": capacity, **size})
                if third is not None:
                    capacity *= early[name][third] * (1 + shift)
                rows.append({**layer, "stage": "best", "capacity": capacity, **size})
                if third is not None:
                    capacity *= late[name][third] * (1 - shift / 2)
                    if name == "permuted":
                        size = {"radius_median": 1.5 * radius[third] * (1 + shift),
                                "dimension": 20 * dimension[third] * (1 - shift)}  # fmt: skip
                rows.append({**layer, "stage": "last", "capacity": capacity, **size})
        rows.append({"seed": seed, "stage": "last", "examples": "permuted", "accuracy": accuracy})
    return pd.DataFrame(rows)


def rewinding(final=2, first=5, reestimated=(2, 5), gap=0.3, accuracy=1.0, seeds=3, layers=6):
    """So many final (or first) layers win back the whole gap, fewer win back none of it."""
    rows = []

    def add(test, permuted, **row):
        rows.extend({**row, "examples": e, "accuracy": a} for e, a in (("test", test), ("permuted", permuted)))

    for seed in range(seeds):
        for variant, needed in (("carried", (final, first)), ("re-estimated", reestimated)):
            row = {"seed": seed, "batch_norm": variant}
            add(0.6, accuracy, **row, rewound="none", rewound_from="", rewound_layers=0, stage="last")
            for direction, by_seed in zip(("last", "first"), needed, strict=True):
                enough = by_seed[seed] if isinstance(by_seed, tuple) else by_seed
                for n in range(1, layers + 1):
                    name = "all" if n == layers else f"{direction} {n}"
                    row |= {"rewound": name, "rewound_from": direction, "rewound_layers": n, "stage": "best"}
                    add(0.6 + gap * (n >= enough), 0.5, **row)
    return pd.DataFrame(rows).assign(layer=np.nan)


def gradients(initial=(0.2, 0.3, 0.2), last=(0.8, 0.9, 0.9), exponent=-0.5, seeds=3):
    """Three layers. initial, last: permuted over unpermuted label-dependent norm by layer."""
    rows = []
    for seed, shift in jitter(seeds).items():
        for stage, ratios in (("initial", initial), ("last", last)):
            for name in ("permuted", "unpermuted"):
                norms = np.array(ratios) * (1 + shift) if name == "permuted" else np.ones(3)
                row = {"seed": seed, "varied": "epoch", "stage": stage, "examples": name, "part": "label_dependent"}
                rows += [{**row, "layer": f"layer {i}", "depth": i, "norm": n} for i, n in enumerate(norms, start=1)]
                rows.append({**row, "layer": None, "norm": np.linalg.norm(norms)})
        for images in (10, 100, 1000):
            for name, power in (("permuted", exponent + shift), ("unpermuted", -0.02)):
                row = {"seed": seed, "varied": "images", "stage": "initial", "examples": name, "images": images}
                rows.append({**row, "part": "label_dependent", "layer": None, "norm": images**power})
    return pd.DataFrame(rows)


def double_descent(accuracy=(0.80, 0.85, 0.80, 0.90, 0.95), dimension=(28, 26, 27, 22, 20),
                   radius=(1.4, 1.3, 1.2, 1.1, 1.0), seeds=4):  # fmt: skip
    """Five widths; geometry of the test examples at one hidden layer and, as a trap, at the head."""
    rows = []
    for seed, shift in jitter(seeds).items():
        for i, values in enumerate(zip(accuracy, dimension, radius, strict=True)):
            width = 2**i
            row = {"seed": seed, "width": width, "parameters": 1000 * width**2, "examples": "test"}
            for stage in ("best", "last"):
                rows.append({**row, "stage": stage, "accuracy": values[0] + shift / 2 * (i % 2)})
                size = {"dimension": values[1] * (1 + shift / 2 * width), "radius_median": values[2]}
                rows.append({**row, "stage": stage, "layer": "conv4", "depth": 4, **size})
                rows.append({**row, "stage": stage, "layer": "head", "depth": 5, "dimension": 5, "radius_median": 1})
    return pd.DataFrame(rows)
