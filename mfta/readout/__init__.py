"""Tables to the numbers that prose quotes, so that none is ever typed; one file a section."""

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
