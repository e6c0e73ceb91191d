"""Search by gradients."""

from dse.strategies.random_search import RandomSearch


class Gradient(RandomSearch):
    """Interim."""
