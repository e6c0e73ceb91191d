"""A convolution as the accelerators of CNNs are given it, before any im2col."""

from dataclasses import dataclass

from hwmodels.systems.work import Work, uniform_work
from workloads.networks import ConvolutionShape


@dataclass(frozen=True)
class Convolution(ConvolutionShape):
    """A layer on a number of images: filters M of R x S over C channels give P x Q outputs of each of N images."""

    images: int = 1

    @property
    def positions(self) -> int:
        """Output positions of one filter, N P Q."""
        return self.images * self.rows * self.columns

    @property
    def multiplies(self) -> int:
        """Dense multiplies of the layer."""
        return self.filters * self.taps * self.positions

    def work(self, weight_density: float = 1.0, activation_density: float = 1.0) -> Work:
        """One group as a product of weights A[M, C R S] and im2col activations B[C R S, N P Q], uniform patterns."""
        return uniform_work(
            self.filters / self.groups, float(self.taps), float(self.positions), weight_density, activation_density
        )
