"""The one error of the geometry."""


class GeometryError(ValueError):
    """The input has no geometry, or a result is not to be trusted; the message names the thing and the remedy."""
