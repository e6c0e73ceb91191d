"""Node rules and the supply voltage: how energy, area, delay and leakage follow the scenario.

Constants hold at 45 nm (unless their source says otherwise) and nominal supply. The supply that a clock needs
follows the alpha-power law `f ~ (V - Vt)^alpha / V` (Sakurai and Newton, JSSC 1990); energies scale with its square.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from hwmodels.technology.scenarios import Scenario

Constants = dict[str, Float[Array, ""]]
"""The technology's constants by name, each a float32 array leaf."""

Scalar = Real[ArrayLike, "..."]
"""What a method takes: a number, an array of no dimensions, or an array of one value for each design of a batch."""

Value = Float[Array, "..."]
"""What a method gives: one value, or one for each design of a batch."""

_REFERENCE_NM = 45.0
_NEWTON_STEPS = 5

_SOLVED_ONCE: dict[str, str] = {}
"""Rules of the scenario alone: name under which `solved_constants` keeps the value beside the constants -> method."""


def solved_once(rule: Callable[[Any], Value]) -> Callable[[Any], Value]:
    """A rule of the scenario alone, which looks up its value where `solved_constants` has put it."""
    key = f"solved {rule.__name__}"

    @functools.wraps(rule)
    def known(self: "ScaledConstants") -> Value:
        return self.constants[key] if key in self.constants else rule(self)

    _SOLVED_ONCE[key] = rule.__name__
    return known


class ScaledConstants(eqx.Module):
    """The constants and the scenario, all array leaves, and the rules by which the one follows the other."""

    scenario: Scenario
    constants: Constants

    def solved_constants(self) -> Constants:
        """The constants, and the values of the rules of the scenario alone, for the many methods that ask for them."""
        known = self
        for key, rule in _SOLVED_ONCE.items():
            known = dataclasses.replace(known, constants=known.constants | {key: getattr(known, rule)()})
        return known.constants

    def node_scale(self, exponent: Scalar, reference_nm: float = _REFERENCE_NM) -> Value:
        """`(node / reference) ** exponent`, the rule by which every constant follows the node."""
        return power(self.scenario.node_nm / reference_nm, exponent)

    def nominal_clock_ghz(self) -> Value:
        """Clock in GHz that the node reaches at nominal supply, at which the published energies are taken to hold."""
        return self.constants["clock_45nm_ghz"] * self.node_scale(-self.constants["clock_exponent"])

    @solved_once
    def _supply_ratio(self) -> Value:
        """Supply over nominal supply that the clock needs, with a smooth corner at the lowest that works."""
        log_speedup = jnp.log(self.scenario.clock_ghz / self.nominal_clock_ghz())
        needed = _needed_supply(log_speedup, self.constants["threshold_ratio"], self.constants["alpha_power"])
        floor, width = self.constants["supply_floor_ratio"], self.constants["supply_floor_width"]
        return floor + width * jax.nn.softplus((needed - floor) / width)

    @solved_once
    def dynamic_scale(self) -> Value:
        """Switching energy over that at nominal supply, `(V / Vnominal)^2`."""
        return self._supply_ratio() ** 2

    @solved_once
    def leakage_scale(self) -> Value:
        """Leakage power over that at nominal supply."""
        return power(self._supply_ratio(), self.constants["leakage_voltage_exponent"])

    @solved_once
    def logic_energy_scale(self) -> Value:
        """Energy of an operation over its energy at 45 nm and nominal supply."""
        return self.node_scale(self.constants["logic_energy_exponent"]) * self.dynamic_scale()

    @solved_once
    def _logic_area_scale(self) -> Value:
        """mm2 at the scenario's node of 1 um2 of logic at 45 nm."""
        return 1e-6 * self.node_scale(self.constants["logic_area_exponent"])

    def logic_area_mm2(self, area_um2: Scalar) -> Value:
        """Area in mm2 at the scenario's node of logic that takes `area_um2` at 45 nm."""
        return area_um2 * self._logic_area_scale()

    def max_clock_ghz(self) -> Value:
        """Fastest clock in GHz, the one that needs the highest supply allowed."""
        threshold, alpha = self.constants["threshold_ratio"], self.constants["alpha_power"]
        fastest = _log_speed(jnp.log(self.constants["supply_ceiling_ratio"] - threshold), threshold, alpha)
        gain = jnp.exp(fastest - _log_speed(jnp.log(1.0 - threshold), threshold, alpha))
        return self.nominal_clock_ghz() * gain


def power(base: Scalar, exponent: Scalar) -> Value:
    """`base ** exponent` for a positive base, with gradients that stay finite."""
    return jnp.exp(exponent * jnp.log(base))


def _log_speed(log_overdrive: Scalar, threshold: Value, alpha: Value) -> Value:
    """Log of `(v - vt)^alpha / v`, with `v = vt + exp(log_overdrive)` over nominal supply."""
    return alpha * log_overdrive - jnp.log(threshold + jnp.exp(log_overdrive))


@jax.jit
def _needed_supply(log_speedup: Value, threshold: Value, alpha: Value) -> Value:
    """Supply over nominal at which the logic is `exp(log_speedup)` as fast: Newton's method on the log overdrive.

    Only the last step is differentiated: from the solution it gives the implicit function's derivative.
    """

    def step(overdrive: Value, log_speedup: Value, threshold: Value, alpha: Value) -> Value:
        error = _log_speed(overdrive, threshold, alpha) - _log_speed(jnp.log(1.0 - threshold), threshold, alpha)
        slope = alpha - jax.nn.sigmoid(overdrive - jnp.log(threshold))
        return overdrive - (error - log_speedup) / slope

    fixed = jax.lax.stop_gradient((log_speedup, threshold, alpha))
    overdrive = jnp.log(1.0 - fixed[1])
    for _ in range(_NEWTON_STEPS):
        overdrive = step(overdrive, *fixed)
    return threshold + jnp.exp(step(overdrive, log_speedup, threshold, alpha))
