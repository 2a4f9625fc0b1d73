"""Tables to the numbers that prose quotes, so that none is ever typed; one file a section."""

import math
from typing import Any

from mfta.jobs import jobs


def origin(section: str, **parameters: Any) -> dict[str, str]:
    """What a page says of its numbers' origin: preset, seeds, data set, network."""
    listed = jobs(section, **parameters)
    config = listed[0].config
    return {
        "preset": listed[0].preset,
        "seeds": ", ".join(str(seed) for seed in sorted({job.config.seed for job in listed})),
        "dataset": config.dataset,
        "network": config.network,
    }


def with_spread(mean: float, spread: float, digits: int = 2) -> str:
    """``3.28 ± 0.29`` over seeds, ``3.28 (one seed)`` where there is no spread, or ``undefined``."""
    if math.isnan(mean):
        return "undefined"
    return f"{mean:.{digits}f} (one seed)" if math.isnan(spread) else f"{mean:.{digits}f} ± {spread:.{digits}f}"
