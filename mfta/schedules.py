"""Learning-rate schedules: the factor on the learning rate by the share of training that is done, in [0, 1)."""

import math

SCHEDULES = {
    "constant": lambda progress: 1.0,
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}
"""Every schedule; a new one is an entry here."""
