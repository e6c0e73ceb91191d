r"""Rounding and maxima, exact or smooth: the only place where the models' kinks live.

Every `ceil`, `max`, `min` and threshold of the models goes through one of four `Numerics`, so there is one set of
formulas and no second copy for gradients.

* `Exact`: what the machine does.
* `Smooth(temperature)`: continuously differentiable, tends to `Exact` as the temperature tends to zero. A step of
  height one is a cubic smoothstep as wide as the temperature, placed so that integers stay where they are; a maximum is
  the p-norm with $p = 1/\tau$, rounded to a power of two.
* `StraightThrough(temperature)`: the values of `Exact` with the derivatives of `Smooth` (Bengio, Leonard and Courville,
  arXiv:1308.3432).
* `Trend(temperature)`: the values of `Exact` with slopes that see across steps; what a search on a lattice follows.
"""

import abc
import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

MANY = 0.5
"""Counts above this over the temperature are smooth rather than whole: from ten on at the default temperature."""


class Numerics(eqx.Module):
    """How to round, to threshold and to take maxima."""

    @abc.abstractmethod
    def ceil(self, x: Num[Array, "..."]) -> Float[Array, "..."]:
        """Smallest whole number not below `x`, and at least one."""

    def ceil_of_many(self, x: Num[Array, "..."]) -> Float[Array, "..."]:
        """`ceil` of what may be so many that its steps tell nothing: bursts of a tile, steps of a queue."""
        return self.ceil(x)

    @abc.abstractmethod
    def floor(self, x: Num[Array, "..."]) -> Float[Array, "..."]:
        """Largest whole number not above `x`, and at least one."""

    @abc.abstractmethod
    def more_than_one(self, x: Num[Array, "..."]) -> Float[Array, "..."]:
        """1 where `x` > 1, else 0."""

    @abc.abstractmethod
    def max_of(self, *values: Num[Array, "..."]) -> Float[Array, "..."]:
        """Element-wise largest of several arrays of values >= 0."""

    @abc.abstractmethod
    def attributed(self, *values: Num[Array, "..."]) -> list[Float[Array, "..."]]:
        """The largest of several arrays of values >= 0, shared out among those that attain it."""

    def min_of(self, *values: Num[Array, "..."]) -> Float[Array, "..."]:
        """Element-wise smallest of several arrays of values > 0."""
        return 1.0 / self.max_of(*(1.0 / v for v in values))


class Exact(Numerics):
    """What the machine does."""

    def ceil(self, x):
        """Ceiling, at least one; a relative 1e-5 above a whole number still counts as that number (float32)."""
        return jnp.maximum(jnp.ceil(x * (1 - 1e-5)), 1.0)

    def floor(self, x):
        """Floor, at least one; a relative 1e-5 below a whole number still counts as that number (float32)."""
        return jnp.maximum(jnp.floor(x * (1 + 1e-5)), 1.0)

    def more_than_one(self, x):
        """Threshold."""
        return (x > 1.0 + 1e-5).astype(jnp.result_type(x, jnp.float32))

    def max_of(self, *values):
        """Maximum."""
        return functools.reduce(jnp.maximum, values)

    def attributed(self, *values):
        """All to the largest; alike to those that tie."""
        top = self.max_of(*values)
        is_top = [(value >= top).astype(top.dtype) for value in values]
        ties = functools.reduce(jnp.add, is_top)
        return [one * top / ties for one in is_top]

    def min_of(self, *values):
        """Minimum."""
        return functools.reduce(jnp.minimum, values)


class Smooth(Numerics):
    """Continuously differentiable stand-in for `Exact`; `temperature` in (0, 1]."""

    temperature: float = eqx.field(static=True, default=0.05)

    def _step(self, x: Array) -> Array:
        """0 up to x = 0, 1 from x = temperature on, a cubic between."""
        t = jnp.clip(x / self.temperature, 0.0, 1.0)
        return t * t * (3.0 - 2.0 * t)

    def ceil(self, x):
        """Whole numbers stay; each step up follows within one temperature above them."""
        x = jnp.maximum(x * (1 - 1e-5), 1.0)
        whole = jax.lax.stop_gradient(jnp.floor(x))
        return whole + self._step(x - whole)

    def ceil_of_many(self, x):
        """`ceil`, and half above x where there are far more than `MANY` / temperature: what rounding adds on average.

        Else a step of one in a thousand would have the slope of a thousand such steps, and be flat in between.
        """
        many = jnp.square(x * (self.temperature / MANY))
        return x + 0.5 + (self.ceil(x) - x - 0.5) / (1.0 + many)

    def floor(self, x):
        """Whole numbers stay; each step up comes within one temperature below them."""
        x = jnp.maximum(x * (1 + 1e-5), 1.0)
        whole = jax.lax.stop_gradient(jnp.floor(x))
        return whole + self._step(x - whole - (1.0 - self.temperature))

    def more_than_one(self, x):
        """Cubic step just above one."""
        return self._step(x - (1.0 + 1e-5))

    @property
    def _power(self) -> int:
        """1 / temperature, rounded to a power of two: then a power is a few squarings."""
        return 2 ** max(round(-math.log2(self.temperature)), 0)

    def _powers(self, values):
        top = jax.lax.stop_gradient(jnp.maximum(functools.reduce(jnp.maximum, values), 1e-30))
        return top, [jax.lax.integer_pow(jnp.maximum(v / top, 0.05), self._power) for v in values]

    def max_of(self, *values):
        """p-norm with p = 1 / temperature, scaled by the largest value so that nothing overflows."""
        top, powers = self._powers(values)
        return top * jnp.exp(jnp.log(functools.reduce(jnp.add, powers)) / self._power)

    def attributed(self, *values):
        """By the share of each value in the p-norm."""
        _, powers = self._powers(values)
        top = self.max_of(*values)
        return [p / sum(powers) * top for p in powers]


def _through(exact: Array, smooth: Array) -> Array:
    """Value of the first, derivative of the second."""
    return smooth + jax.lax.stop_gradient(exact - smooth)


class StraightThrough(Numerics):
    """Values of `Exact`, derivatives of `Smooth`."""

    temperature: float = eqx.field(static=True, default=0.5)

    def ceil(self, x):
        """Exact forward, smooth backward."""
        return _through(Exact().ceil(x), Smooth(self.temperature).ceil(x))

    def ceil_of_many(self, x):
        """Exact forward, smooth backward."""
        return _through(Exact().ceil(x), Smooth(self.temperature).ceil_of_many(x))

    def floor(self, x):
        """Exact forward, smooth backward."""
        return _through(Exact().floor(x), Smooth(self.temperature).floor(x))

    def more_than_one(self, x):
        """Exact forward, smooth backward."""
        return _through(Exact().more_than_one(x), Smooth(self.temperature).more_than_one(x))

    def max_of(self, *values):
        """Exact forward, smooth backward, at a tenth of the ceilings' temperature (a blunter maximum would blur)."""
        return _through(Exact().max_of(*values), Smooth(self.temperature / 10).max_of(*values))

    def attributed(self, *values):
        """Exact: the parts report the bottleneck and steer nothing."""
        return Exact().attributed(*values)


class Trend(Numerics):
    """Values of `Exact`; derivatives that see across steps, as a move from one lattice point to the next feels them.

    A ceiling climbs like the line through its steps: at a whole number, where a lattice point often lies, `Smooth` is
    flat on both sides.
    """

    temperature: float = eqx.field(static=True, default=0.05)

    def ceil(self, x):
        """Exact forward, the identity backward (Bengio, Leonard and Courville, 2013)."""
        return _through(Exact().ceil(x), jnp.maximum(x, 1.0))

    def floor(self, x):
        """Exact forward, the identity backward."""
        return _through(Exact().floor(x), jnp.maximum(x, 1.0))

    def more_than_one(self, x):
        """Exact; a threshold has no trend."""
        return Exact().more_than_one(x)

    def max_of(self, *values):
        """Exact forward, smooth backward: what is nearly the largest counts too."""
        return _through(Exact().max_of(*values), Smooth(self.temperature).max_of(*values))

    def attributed(self, *values):
        """Exact: the parts report the bottleneck and steer nothing."""
        return Exact().attributed(*values)
