"""Conclusions under uncertain constants: the parts of `sensitivity.py`.

| module | what is in it |
|---|---|
| `uncertainty` | draws of the constants, designs and rivals under them |
| `rivals` | the best design with each format, dataflow, use of zeros and schedule |
| `conclusions` | which conclusions survive, in rows and words |
| `sharing` | one accelerator for several workloads |
| `figures` | the figures |
"""
