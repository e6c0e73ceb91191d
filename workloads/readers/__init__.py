"""A user's files: sparse matrices, layers of trained networks, layer tables, collections by name.

| module | what is in it |
|---|---|
| `matrices` | `load_matrix(path)`: Matrix Market, DLMC `.smtx`, SciPy `.npz`, dense `.npy`, edge lists |
| `weights`, `onnx_graph` | `load_weights(path)`: every layer of a safetensors, `.npz` or ONNX file |
| `layer_table` | layers as a CSV of sizes and densities |
| `suitesparse` | matrices of the SuiteSparse collection by name, downloaded once |
| `idx` | arrays of bytes in IDX format: MNIST and the like |
"""
