"""The analytical model: what a kernel costs on a design, from its statistics, in closed form.

| module | what is in it |
|---|---|
| `evaluation` | `evaluate(hardware, mapping, kernel, technology, *, numerics) -> Cost`: the one entry point |
| `design_point` | `Point`: a design and a kernel, which every formula is asked about; `PeArray`: the parts in use |
| `tiling` | tiles, trip counts, and how often each operand is fetched |
| `operand_a` | the sparse operand: what its tiles hold, how its rows load the queues, what a PE holds of it |
| `operand_b`, `sparse_b_tiles` | the other operand and the result; tiles of a sparse B as they meet those of A |
| `column_owners` | a B whose zeros are skipped, dealt to the owners of its columns; its rows, fetched one by one |
| `passes` | groups of columns and passes over them: how a tile is cut to fit the PEs |
| `array_steps` | what a family says of the steps of the array |
| `matrix_product`, `spmm`, `spmspm` | products of matrices: what both kinds share; B dense; B sparse |
| `sddmm`, `elementwise` | SDDMM; A * B and A + B |
| `intersection` | steps of the intersection units |
| `imbalance` | fibers that do not divide evenly |
| `classes` | sums and means over the classes of tiles |
| `accounting` | from what visits do to time, actions, traffic, energy and area: one for all families |
"""
