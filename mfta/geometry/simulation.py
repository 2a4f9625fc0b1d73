"""Capacity by simulation."""


def simulated_capacity() -> None:
    """To come."""
    raise NotImplementedError
