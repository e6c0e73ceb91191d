"""What a front is worth: how far from optimal, what it hangs on, what it is better than.

| module | what is in it |
|---|---|
| `front_bound` | points that no design of a space gets beyond, where all its machines can be tried |
| `branch_and_bound` | the same for larger spaces, by boxes of machines, with a proven gap that falls |
| `machine_box`, `box_costs` | a box of machines; the least that each mapping can cost on any of them |
| `certificate` | what is proven of a front |
| `sensitivity` | elasticities of the objectives of a design, by gradients; finite changes beside them |
| `remapper` | mappings chosen anew on hardware that differs from a design's in a few numbers |
| `robustness` | designs under thousands of draws of the technology's constants |
| `dense_rival` | the accelerator that takes no notice of sparsity, of equal area |
| `bounds_reached` | numbers of a front that lie on the bounds of the space |
"""
