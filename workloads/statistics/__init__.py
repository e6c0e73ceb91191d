"""Statistics of kernels: tables over the statistics lattice (powers of two), and what the models look up in them.

| module | what is in it |
|---|---|
| `measurement` | `measure(kernel)`, by the kernel's class; errors of sampling; stacking kernels of one family |
| `operand` | one sparse operand: what tiles hold, and what the most loaded of P partitions holds |
| `spmm`, `spmspm` | a sparse A times a dense B (SpMV too), and times a sparse B |
| `sddmm`, `elementwise`, `convolution` | sampled dense products, A * B and A + B, activations that im2col repeats |
| `lattice`, `occupancy` | interpolation between powers of two; how many places are occupied at any tile size |
| `operand_counts`, `spmspm_counts`, `elementwise_counts` | the numbers in the tables, counted on the non-zeros |
| `row_segments`, `tile_counts`, `tile_classes` | rows cut at tile edges, what tiles hold, classes of tiles |
| `block_counts` | blocks of 4 x 4 in tiles |
| `row_conflicts` | what rows of B take: words, and steps of lanes that own columns |
| `load_balance`, `row_assignment` | the fullest partition by what rows are dealt by; what goes with the rows dealt |
| `schedules` | how rows are dealt to partitions: names, named indices |
| `longest_first` | rows dealt to the emptiest partition, those with most work first |
| `fiber_pairs` | distinct outputs and skip-ahead steps of pairs of fibers |
| `sampling` | when tiles are sampled, which, and the measured error of that |
| `closed_form` | the same numbers expected of densities |
| `threads` | passes beside each other |

Adding a quantity: count it in the `*_counts` module (and expect it in that of `closed_form`), look it up in the module
of the kernel, and raise the `VERSION` there, so that older tables on disk are not read. Adding a family of kernels: a
class in `workloads.kernels`, a module here, and its line in `measurement`.
"""
