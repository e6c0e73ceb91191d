"""Machines people know, each by the parameters of its paper, behind the same `Cost` as the designs of this project.

A system is given a `Work` (the totals of one product, and its pattern where it is at hand) and answers with a `Cost`.
What a model cannot express is in its `limits`. The usual call is `SYSTEMS["eie"].cost(work_of(kernel))`.

| module | what is in it |
|---|---|
| `work` | `Work`, `work_of(kernel)`, `uniform_work(m, k, n, a_density, b_density)` |
| `system` | `System`, and `cost_of` and `cost_at_power`, which make a `Cost` of totals |
| one module a system | parameters, mechanism, limits and source of each in `SYSTEMS` |
| `eie_units` | the tables of area and power of EIE's paper by this project's technology |
| `convolution` | a convolution as accelerators of CNNs are given it |
| `estimates` | what closed forms estimate where only totals or a density are known |
| `template_designs` | `TEMPLATES`: systems in the terms of docs/machine.md, as designs of this project |
"""

from hwmodels.systems.cambricon_s import CambriconS
from hwmodels.systems.cambricon_x import CambriconX
from hwmodels.systems.cerebras import CerebrasWse2
from hwmodels.systems.dstc import Dstc
from hwmodels.systems.eie import Eie
from hwmodels.systems.extensor import ExTensor
from hwmodels.systems.eyeriss_v1 import EyerissV1
from hwmodels.systems.eyeriss_v2 import EyerissV2
from hwmodels.systems.gamma import Gamma
from hwmodels.systems.loihi import Loihi
from hwmodels.systems.matraptor import MatRaptor
from hwmodels.systems.nvidia import A100, H100
from hwmodels.systems.onyx import Onyx
from hwmodels.systems.outerspace import OuterSpace
from hwmodels.systems.scnn import Scnn
from hwmodels.systems.server_cpu import ServerCpu
from hwmodels.systems.sigma import Sigma
from hwmodels.systems.sparch import SpArch
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work, uniform_work, work_of

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        Eie(),
        EyerissV1(),
        CambriconX(),
        CambriconS(),
        Scnn(),
        EyerissV2(),
        Sigma(),
        OuterSpace(),
        ExTensor(),
        SpArch(),
        MatRaptor(),
        Gamma(),
        Onyx(),
        Dstc(),
        A100,
        H100,
        CerebrasWse2(),
        Loihi(),
        ServerCpu(),
    )
}
"""Name -> the system with the parameters of its paper."""

__all__ = ["SYSTEMS", "System", "Work", "cost_of", "uniform_work", "work_of"]
