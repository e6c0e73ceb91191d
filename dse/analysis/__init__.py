"""What a front is worth: how far from optimal, what it hangs on, what it is better than.

| module | what is in it |
|---|---|
| `front_bound` | points that no design of a space gets beyond |
| `sensitivity` | elasticities of the objectives of a design, by gradients; finite changes beside them |
| `remapper` | mappings chosen anew on hardware that differs from a design's in a few numbers |
| `robustness` | designs under thousands of draws of the technology's constants |
| `dense_rival` | the accelerator that takes no notice of sparsity, of equal area |
| `bounds_reached` | numbers of a front that lie on the bounds of the space |
"""
