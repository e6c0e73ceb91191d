"""A design of this project as a `System`: what a search found, beside the machines of the papers."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from hwmodels.analytical.evaluation import evaluate
from hwmodels.cost import FITS, Cost, within_limit
from hwmodels.design.hardware import Hardware, Mapping, capabilities, make_mapping
from hwmodels.systems.system import System
from hwmodels.systems.work import Work
from hwmodels.technology import Technology
from workloads import measure
from workloads.errors import InputError

DENSE = {"a_format": "dense", "b_format": "dense", "a_zero": "compute", "b_zero": "compute", "schedule": "row_blocks"}


@dataclasses.dataclass(frozen=True, eq=False)
class TemplateDesign(System):
    """One hardware of docs/machine.md and one mapping, for any product whose pattern is at hand."""

    hardware: Hardware
    mapping: Mapping
    technology: Technology
    name: str = "template"
    title: str = "Design of this project"
    source: str = "docs/machine.md"
    limits: str = "Needs the pattern; no silicon behind it."

    @property
    def node_nm(self) -> float:
        """Technology node, nm."""
        return float(self.technology.scenario.node_nm)

    def cost(self, work: Work) -> Cost:
        """Cost of one run by `hwmodels.evaluate`, NumPy leaves. Tiles beyond the product are cut at its sizes.

        **Raises** `InputError` where only totals of the work are known, and where a tile does not fit its buffer.
        """
        if work.kernel is None:
            raise InputError(f"{self.name}: needs the pattern of the product, of which only totals are known.")
        cost = evaluate(self.hardware, self.mapping, measure(work.kernel), self.technology)
        need = np.asarray(cost.fits)
        if not within_limit(need.max()):
            at = int(need.argmax())
            raise InputError(
                f"{self.name}: {work.kernel.name} needs {need[at]:.3g} times the {FITS[at]} there is; "
                "use smaller tiles."
            )
        return jax.tree.map(lambda leaf: np.asarray(leaf, float), cost)

    def dense(self) -> "TemplateDesign":
        """The same arrays, buffers and buses without any sparse unit, on operands stored dense, every zero multiplied.

        It is smaller by the units it lacks. Its tiles are those of the design, which dense operands may not fit.
        """
        flow = self.mapping.dataflow
        words = make_mapping(flow, tile_m=1, tile_k=1, tile_n=1, loop_order="mkn", residency="a", **DENSE)
        choices = {name: getattr(words, name) for name in DENSE}
        mapping = dataclasses.replace(self.mapping, **choices)
        able = capabilities([mapping]) | {"intersection": jnp.zeros_like(self.hardware.intersection)}
        hardware = dataclasses.replace(self.hardware, **able)
        return dataclasses.replace(
            self, hardware=hardware, mapping=mapping, name=f"{self.name}_dense", title=f"{self.title}, dense"
        )  # fmt: skip

    def with_tiles(self, tile_m: float | int, tile_k: float | int, tile_n: float | int) -> "TemplateDesign":
        """The design with other tiles."""
        sizes = (jnp.asarray(float(size), jnp.float32) for size in (tile_m, tile_k, tile_n))
        fields = lambda m: (m.tile_m, m.tile_k, m.tile_n)  # noqa: E731
        return dataclasses.replace(self, mapping=eqx.tree_at(fields, self.mapping, tuple(sizes)))
