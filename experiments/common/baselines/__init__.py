"""The comparison with CPU, GPU and published machines.

| module | what is in it |
|---|---|
| `machines` | `Contender`: a machine and its run of each kernel, or why there is none; gains over others |
| `templates` | published machines as designs of the template, each kernel at its best mapping |
| `claim` | "1/70 of the energy, 8 times as fast", kernel by kernel |
| `figure` | speed-up and energy saving over the CPU |
"""
