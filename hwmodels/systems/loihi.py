"""Loihi: spiking neurons; a spike visits the synapses of its neuron's targets, neurons update every timestep.

Davies et al., "Loihi: A Neuromorphic Manycore Processor with On-Chip Learning", IEEE Micro 38(1), 2018. Energies and
times of events are the consistent set of SANA-FE (Boyle et al., SLAM Lab, arch/loihi.yaml), which takes them from the
SPICE figures of that paper and its own calibration; they are secondary.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.load_imbalance import expected_maximum
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from workloads.errors import InputError

TICK_GHZ = 1.0
"""The chip is asynchronous: a cycle of its `Cost` is a nanosecond."""


@dataclass(frozen=True)
class Loihi(System):
    """A layer of `m` neurons with the synapses A, run for `n` timesteps; B says which of `k` inputs spike in each.

    Neurons are spread evenly over the 128 cores. In a timestep a core takes in the spikes of all inputs that have a
    synapse on it (taken: all), walks their synapses, updates its neurons, sends their spikes, and waits for the others
    at a barrier. Outputs are taken to spike as often as inputs. Spikes travel half of the mesh each way. No leakage:
    none is published. Nothing is fitted.
    """

    cores: int = 128
    neurons: int = 131_072
    synapses: float = 130e6
    node_nm: float = 14.0
    area_mm2: float = 60.0
    synapse_pj: float = 33.6
    synapse_ns: float = 4.7
    """One synaptic operation in the sparse format."""
    update_pj: float = 51.2 + 21.6
    """Access and update of a neuron."""
    update_ns: float = 6.0 + 3.7
    spike_pj: float = 69.3 + 111.0
    """A neuron spikes, and its axon sends."""
    spike_ns: float = 30.0 + 5.1
    receive_ns: float = 16.0
    hops_pj: float = 4 * 3.0 + 2 * 4.2
    """Half of 8 x 4 tiles: four hops east or west, two north or south."""
    barrier_ns: float = 1800.0
    """Synchronisation of a timestep over all tiles."""

    name = "loihi"
    title = "Loihi"
    source = "Davies et al., IEEE Micro 2018, through SANA-FE"
    limits = "No learning, no leakage, no congestion; outputs spike as inputs do; a product as spikes, not as numbers."

    def cost(self, work: Work) -> Cost:
        """Cost of A (synapses) times B (spikes). **Raises** `InputError` for more neurons or synapses than fit."""
        if work.m > self.neurons:
            raise InputError(f"{self.name}: {work.m:g} neurons are more than {self.neurons}; give A fewer rows.")
        if work.a_nonzeros > self.synapses:
            raise InputError(f"{self.name}: {work.a_nonzeros:g} synapses are more than fit; give A fewer non-zeros.")
        spikes_in = work.b_nonzeros
        spikes_out = work.b_density * work.m * work.n
        local = ceil(work.m / self.cores)
        neurons_ns = work.n * local * (self.update_ns + work.b_density * self.spike_ns)
        resource_ns = spikes_in * self.receive_ns + self._fullest(work, local) * self.synapse_ns + neurons_ns
        return cost_of(
            work,
            clock_ghz=TICK_GHZ,
            resource_cycles={"compute": resource_ns},
            extra_cycles=work.n * self.barrier_ns,
            energy_pj={
                "mac": work.multiplies * self.synapse_pj,
                "accumulator": work.m * work.n * self.update_pj,
                "noc": spikes_in * self.hops_pj + spikes_out * self.spike_pj,
            },
            area_mm2={"pe_buffer": self.area_mm2},
            peak_macs_per_cycle=self.cores / self.synapse_ns,
        )

    def _fullest(self, work: Work, local: int) -> float:
        """Synaptic operations of the core that has most, over all timesteps."""
        if work.kernel is None:
            mean = work.multiplies * local / work.m
            return mean + expected_maximum(ceil(work.m / local)) * (mean * (1 - work.a_density)) ** 0.5
        a, b = work.kernel.a, work.kernel.b
        spikes = np.full(work.kernel.k, work.kernel.n) if b is None else np.diff(b.indptr)
        core = np.repeat(np.arange(work.kernel.m) // local, np.diff(a.indptr))
        return float(np.bincount(core, spikes[a.indices]).max())
