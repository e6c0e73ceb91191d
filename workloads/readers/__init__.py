"""A user's files: what a path holds, whatever its format.

    path -> `finding.find` -> `source.Source` -> `formats.format_of` -> a format's `read` -> `found.Found`

| module or room | what is in it |
|---|---|
| `loading` | `describe(path)`, `load_matrix(path)` |
| `finding`, `folders` | a file, an archive or a folder -> `Found` |
| `found` | `Found`, `FoundLayer`, `LeftOut`: what readers return |
| `formats` | `FileFormat`, how a file's format is recognised, all of them |
| `source` | `Source`: a file's content, compressed or not |
| `unpacking`, `archives` | compressed streams and members of archives, within limits |
| `measurable` | limits on what is only described |
| `options` | `ReadOptions`: what a user says that a file cannot |
| `text_layout` | comments, separator and fields of the first lines of a text |
| `tokens`, `number_scanner` | text of numbers, split into fields by compiled code |
| `matrices`, `graphs`, `tensors` | files of one matrix, graph or tensor |
| `checkpoints`, `onnx_graphs` | weights of networks |
| `tables` | layers as tables, problem files of other tools |
| `foreign` | what is recognised to be refused by name |
| `suitesparse` | matrices of the SuiteSparse collection by name, downloaded once |
| `idx` | arrays of bytes in IDX format: MNIST and the like |
"""
