"""Steps of the array where A and B meet: what a family of matrix products says of them."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.operand_a import QueueLoads
from hwmodels.analytical.passes import Passes

Scalar = Float[Array, ""]


class ArraySteps(eqx.Module):
    """Steps of the most loaded PE over all visits, by class, and those of all intersection units."""

    @abc.abstractmethod
    def walk(self, loads: QueueLoads, passes: Passes) -> Parts:
        """Gustavson's dataflow and the outer product: the most loaded queue gives its entries one by one."""

    @abc.abstractmethod
    def inner_product(self, loads: QueueLoads, passes: Passes) -> Parts:
        """The most loaded queue, or the most loaded lane where the fibers of both operands are intersected."""

    @abc.abstractmethod
    def of_all_queues(self, loads: QueueLoads, passes: Passes) -> tuple[Scalar, Scalar]:
        """Steps of all queues together in which a word of B is read, if B does not skip and if it does; not those of
        intersected fibers."""

    @abc.abstractmethod
    def intersection_steps(self) -> Scalar:
        """Steps of all intersection units together, in the inner product."""
