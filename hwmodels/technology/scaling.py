"""Node rules and the supply voltage: how energy, area, delay and leakage follow the scenario.

Constants hold at 45 nm (unless their source says otherwise) and nominal supply. The supply that a clock needs
follows the alpha-power law `f ~ (V - Vt)^alpha / V` (Sakurai and Newton, JSSC 1990); energies scale with its square.
"""

import functools
from collections.abc import Callable

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
_SUPPLY_REFERENCE_NM = 7.0
_NEWTON_STEPS = 5


_RULES: dict[str, Callable[[Constants, Scenario], Value]] = {}
"""Rules of the scenario alone, by the name under which `with_solved` keeps their values beside the constants."""


def solved_once(rule: Callable[[Constants, Scenario], Value]) -> Callable[[Constants, Scenario], Value]:
    """A rule that looks up its value where `with_solved` has put it."""
    key = f"solved {rule.__name__}"

    @functools.wraps(rule)
    def known(constants: Constants, scenario: Scenario) -> Value:
        return constants[key] if key in constants else rule(constants, scenario)

    _RULES[key] = known
    return known


def with_solved(constants: Constants, scenario: Scenario) -> Constants:
    """The constants, and the values of the rules of the scenario alone, for the many functions that ask for them."""
    for key, rule in _RULES.items():
        constants = constants | {key: rule(constants, scenario)}
    return constants


def power(base: Scalar, exponent: Scalar) -> Value:
    """`base ** exponent` for a positive base, with gradients that stay finite."""
    return jnp.exp(exponent * jnp.log(base))


def node_scale(scenario: Scenario, exponent: Scalar, reference_nm: float = _REFERENCE_NM) -> Value:
    """`(node / reference) ** exponent`, the rule by which every constant follows the node."""
    return power(scenario.node_nm / reference_nm, exponent)


def logic_area_mm2(constants: Constants, scenario: Scenario, area_um2: Scalar) -> Value:
    """Area in mm2 at the scenario's node of logic that takes `area_um2` at 45 nm."""
    return area_um2 * _logic_area_scale(constants, scenario)


def nominal_supply_v(constants: Constants, scenario: Scenario) -> Value:
    """Nominal supply of the node in V: 0.9 V at 45 nm, 0.8 V at 7 nm."""
    return constants["supply_7nm_v"] * node_scale(scenario, constants["supply_exponent"], _SUPPLY_REFERENCE_NM)


def nominal_clock_ghz(constants: Constants, scenario: Scenario) -> Value:
    """Clock in GHz that the node reaches at nominal supply, at which the published energies are taken to hold."""
    return constants["clock_45nm_ghz"] * node_scale(scenario, -constants["clock_exponent"])


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


@solved_once
def _supply_ratio(constants: Constants, scenario: Scenario) -> Value:
    """Supply over nominal supply that the clock needs, with a smooth corner at the lowest that works."""
    log_speedup = jnp.log(scenario.clock_ghz / nominal_clock_ghz(constants, scenario))
    needed = _needed_supply(log_speedup, constants["threshold_ratio"], constants["alpha_power"])
    floor, width = constants["supply_floor_ratio"], constants["supply_floor_width"]
    return floor + width * jax.nn.softplus((needed - floor) / width)


def voltage_v(constants: Constants, scenario: Scenario) -> Value:
    """Supply in V that the scenario's clock needs, not below the lowest that works."""
    return nominal_supply_v(constants, scenario) * _supply_ratio(constants, scenario)


@solved_once
def dynamic_scale(constants: Constants, scenario: Scenario) -> Value:
    """Switching energy over that at nominal supply, `(V / Vnominal)^2`."""
    return _supply_ratio(constants, scenario) ** 2


@solved_once
def leakage_scale(constants: Constants, scenario: Scenario) -> Value:
    """Leakage power over that at nominal supply."""
    return power(_supply_ratio(constants, scenario), constants["leakage_voltage_exponent"])


@solved_once
def logic_energy_scale(constants: Constants, scenario: Scenario) -> Value:
    """Energy of an operation over its energy at 45 nm and nominal supply."""
    return node_scale(scenario, constants["logic_energy_exponent"]) * dynamic_scale(constants, scenario)


@solved_once
def _logic_area_scale(constants: Constants, scenario: Scenario) -> Value:
    """mm2 at the scenario's node of 1 um2 of logic at 45 nm."""
    return 1e-6 * node_scale(scenario, constants["logic_area_exponent"])


def max_clock_ghz(constants: Constants, scenario: Scenario) -> Value:
    """Fastest clock in GHz, the one that needs the highest supply allowed."""
    threshold, alpha = constants["threshold_ratio"], constants["alpha_power"]
    fastest = _log_speed(jnp.log(constants["supply_ceiling_ratio"] - threshold), threshold, alpha)
    gain = jnp.exp(fastest - _log_speed(jnp.log(1.0 - threshold), threshold, alpha))
    return nominal_clock_ghz(constants, scenario) * gain
