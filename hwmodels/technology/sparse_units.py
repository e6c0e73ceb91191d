"""Intersection units, format decoders and row schedulers.

Built from units synthesised at 45 nm: energies are the fits times the voltage factor (1.1 V to 0.9 V) and an activity
factor (a guess), then follow the logic's node rule. A step of the bitmask unit handles one word of the fiber.
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.design.choices import INTERSECTIONS, SCHEDULE_RECORDS, mix
from hwmodels.formats.records import DECODER_PARTS
from hwmodels.technology.scaling import Scalar, ScaledConstants, Value, power


class SparseUnits(ScaledConstants):
    """Energy in pJ and area in mm2 of what finds, decodes and deals out non-zeros."""

    def _unit_energy_scale(self) -> Value:
        return self.constants["unit_voltage_factor"] * self.constants["unit_activity"] * self.logic_energy_scale()

    def _adder(self, bits: Scalar) -> tuple[Value, Value]:
        """pJ and um2 of a registered adder at 45 nm, 1.1 V."""
        constants = self.constants
        area = constants["adder_um2_per_bit"] * bits + constants["adder_um2_per_bit2"] * jnp.square(bits)
        return constants["adder_pj_per_bit"] * bits, area

    def _comparator(self, bits: Scalar) -> tuple[Value, Value]:
        """pJ and um2 of a registered equality comparator at 45 nm, 1.1 V."""
        constants = self.constants
        energy = constants["comparator_pj"] + constants["comparator_pj_per_bit"] * bits
        return energy, constants["comparator_um2"] + constants["comparator_um2_per_bit"] * bits

    def intersection_step_pj(self, unit_weights: Float[Array, "unit ..."], coordinate_bits: Scalar) -> Value:
        """Energy in pJ of one step of the selected unit on coordinates of `coordinate_bits`."""
        constants = self.constants
        word = constants["bitmask_word_bits"]
        tags = power(constants["skip_ahead_tags"], constants["skip_ahead_tag_pj_exponent"])
        energies = {
            "two_finger": constants["two_finger_pj"] + constants["two_finger_pj_per_bit"] * coordinate_bits,
            "leader_follower": self._comparator(coordinate_bits)[0] + self._adder(coordinate_bits)[0],
            "skip_ahead": constants["skip_ahead_pj"] + constants["skip_ahead_pj_per_bit"] * coordinate_bits * tags,
            "bitmask": constants["bitmask_and_pj"]
            + (constants["bitmask_and_pj_per_bit"] + constants["priority_encoder_pj_per_bit"]) * word,
        }
        return _selected(unit_weights, energies, INTERSECTIONS) * self._unit_energy_scale()

    def intersection_area_mm2(self, unit_weights: Float[Array, "unit ..."], coordinate_bits: Scalar) -> Value:
        """Area in mm2 of the selected unit, which finds one match a step."""
        constants = self.constants
        word = constants["bitmask_word_bits"]
        tags = power(constants["skip_ahead_tags"], constants["skip_ahead_tag_um2_exponent"])
        areas = {
            "two_finger": constants["two_finger_um2"] + constants["two_finger_um2_per_bit"] * coordinate_bits,
            "leader_follower": self._comparator(coordinate_bits)[1] + self._adder(coordinate_bits)[1],
            "skip_ahead": constants["skip_ahead_um2"] + constants["skip_ahead_um2_per_bit"] * coordinate_bits * tags,
            "bitmask": constants["bitmask_and_um2"]
            + (constants["bitmask_and_um2_per_bit"] + constants["priority_encoder_um2_per_bit"]) * word,
        }
        return self.logic_area_mm2(_selected(unit_weights, areas, INTERSECTIONS))

    def _decoder_parts(self, coordinate_bits: Scalar) -> tuple[Float[Array, " part"], Float[Array, " part"]]:
        constants = self.constants
        add_pj, add_um2 = self._adder(coordinate_bits)
        compare_pj, compare_um2 = self._comparator(coordinate_bits)
        encode_pj = constants["priority_encoder_pj_per_bit"] * constants["bitmask_decoder_bits"]
        encode_um2 = constants["priority_encoder_um2_per_bit"] * constants["bitmask_decoder_bits"]
        mux_um2 = constants["mux_um2_per_bit"] * constants["decoder_value_bits"]
        mux_pj = constants["unit_pj_per_um2"] * mux_um2
        return jnp.stack([add_pj, compare_pj, encode_pj, mux_pj]), jnp.stack(
            [add_um2, compare_um2, encode_um2, mux_um2]
        )

    def decoder_entry_pj(self, format_weights: Float[Array, "format ..."], coordinate_bits: Scalar) -> Value:
        """Energy in pJ of decoding one stored entry of the selected format."""
        parts_pj, _ = self._decoder_parts(coordinate_bits)
        energies = jnp.asarray(DECODER_PARTS, parts_pj.dtype) @ parts_pj
        return mix(format_weights, energies) * self._unit_energy_scale()

    def decoder_area_mm2(self, format_weights: Float[Array, "format ..."], coordinate_bits: Scalar) -> Value:
        """Area in mm2 of the decoder of the selected format, one entry a cycle; weights may add up several formats."""
        _, parts_um2 = self._decoder_parts(coordinate_bits)
        areas = jnp.asarray(DECODER_PARTS, parts_um2.dtype) @ parts_um2
        return self.logic_area_mm2(mix(format_weights, areas))

    def scheduler_area_mm2(self, schedule_weights: Float[Array, "schedule ..."], queues: Scalar) -> Value:
        """Area in mm2 of the scheduler of so many queues of A: a counter each, a list of rows if by work (a guess)."""
        constants = self.constants
        counter = self._adder(constants["scheduler_counter_bits"])[1]
        queue = constants["scheduler_queue_bits"] * constants["latch_um2_per_bit"]
        areas = jnp.stack([counter + queue if schedule.by_work else counter for schedule in SCHEDULE_RECORDS])
        return self.logic_area_mm2(queues * mix(schedule_weights, areas))


def _selected(weights: Float[Array, "choice ..."], values: Mapping[str, Value], names: Sequence[str]) -> Value:
    """What `weights` over `names` select of the values by name."""
    return mix(weights, jnp.stack([values[name] for name in names]))
