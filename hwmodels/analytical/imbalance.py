r"""Fibers that do not divide evenly: what the fullest part has beyond what tables of powers of two say.

Tables of the fullest of P parts are exact at powers of two and interpolated in logs between, where the fullest part has
$\lceil h / P \rceil$ of h equal fibers, a step, and the interpolation of that same count something else.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.cost import rows_of
from hwmodels.design.choices import CYCLIC, SCHEDULE_RECORDS
from hwmodels.numerics import Numerics
from workloads.statistics.occupancy import Cut

Scalar = Float[Array, ""]


def missed_fibers(side: Cut, span: Scalar, parts: Scalar, numerics: Numerics) -> Scalar:
    """Equal fibers of the fullest of `parts` less those that interpolated tables give it; 0 on the lattice.

    **Arguments**: the tile's `side` along which fibers are counted, of a matrix that is `span` long there.
    """
    places = jnp.stack([side.place, jnp.log2(parts)])
    before = jax.lax.stop_gradient(jnp.floor(places * (1.0 + 1e-6)))
    high, many = jnp.unstack(before)
    heights = jnp.minimum(jnp.exp2(jnp.stack([high, high + 1.0])), span)
    counts = numerics.ceil(heights[:, None] / jnp.exp2(jnp.stack([many, many + 1.0])))
    along, across = jnp.unstack(places - before)
    logs = jnp.log2(counts)
    logs = logs[0] + along * (logs[1] - logs[0])
    return numerics.ceil(side.size / parts) - jnp.exp2(logs[0] + across * (logs[1] - logs[0]))


def going_around(schedule: Float[Array, " schedule"], share: Scalar | None = None) -> Float[Array, " schedule"]:
    """The schedule of rows of which a `share` (None: all) is alike: what looks at their work deals these as cyclic."""
    each = list(schedule)
    for at, record in enumerate(SCHEDULE_RECORDS):
        if record.by_work:
            alike = each[at] if share is None else each[at] * share
            rest = jnp.zeros_like(alike) if share is None else each[at] - alike
            each[CYCLIC], each[at] = each[CYCLIC] + alike, rest
    return rows_of(*each)
