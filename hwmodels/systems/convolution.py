"""A convolution as the accelerators of CNNs are given it, before any im2col."""

from dataclasses import dataclass

from hwmodels.systems.work import Work, uniform_work
from workloads.errors import InputError


@dataclass(frozen=True)
class Convolution:
    """One layer, in counts: filters M of R x S over C channels give P x Q outputs of each of N images.

    `groups` share channels and filters out evenly (M and C are totals); a depthwise layer has as many groups as
    channels, a fully connected one has P = Q = R = S = 1. **Raises** `InputError` for groups that do not divide both.
    """

    channels: int
    filters: int
    rows: int
    columns: int
    filter_rows: int = 1
    filter_columns: int = 1
    stride: int = 1
    groups: int = 1
    images: int = 1

    def __post_init__(self) -> None:
        if self.channels % self.groups or self.filters % self.groups:
            raise InputError(
                f"{self.groups} groups do not divide {self.channels} channels and {self.filters} filters; "
                "give a number of groups that divides both."
            )

    @property
    def positions(self) -> int:
        """Output positions of one filter, N P Q."""
        return self.images * self.rows * self.columns

    @property
    def taps(self) -> int:
        """Weights of one filter, C R S of its group."""
        return self.channels // self.groups * self.filter_rows * self.filter_columns

    @property
    def multiplies(self) -> int:
        """Dense multiplies of the layer."""
        return self.filters * self.taps * self.positions

    def work(self, weight_density: float = 1.0, activation_density: float = 1.0) -> Work:
        """One group as a product of weights A[M, C R S] and im2col activations B[C R S, N P Q], uniform patterns."""
        return uniform_work(
            self.filters / self.groups, float(self.taps), float(self.positions), weight_density, activation_density
        )
