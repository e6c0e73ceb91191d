"""A single-lane stream machine, cycle by cycle of each token: the Sparse Abstract Machine's simulator as recurrences.

Hsu, Strange, Sharma, Won, Olukotun, Emer, Horowitz, Kjolstad, "The Sparse Abstract Machine", ASPLOS 2023. A kernel is a
graph of blocks (scanners, repeaters, intersecters, arrays, ALUs, reducers, accumulators, writers) joined by streams of
coordinates, references and values. Each block passes on one token a cycle, a token needs a cycle from block to block,
memories answer in a cycle and FIFOs are unbounded. Then nothing waits for what is behind it, and when each token leaves
each block follows from the non-zeros alone: a max-plus recurrence a block, no constant is fitted.

| module | what is in it |
|---|---|
| `streams` | tokens, streams, matrices as compressed levels |
| `blocks` | the recurrences of scanners, mergers, repeaters, reducers |
| `accumulate` | sparse accumulators and what puts the stops back |
| `graph` | blocks wired together; how long each is at work |
| `kernels` | `run_kernel(kernel, b, c)`: the eight kernels |
"""

from experiments.common.validation.sam_machine.graph import StreamRun
from experiments.common.validation.sam_machine.kernels import SAM_KERNELS, run_kernel

__all__ = ["SAM_KERNELS", "StreamRun", "run_kernel"]
