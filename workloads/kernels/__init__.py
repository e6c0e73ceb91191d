"""Kernels: what is computed, on which patterns; no statistics and no machine.

| module | what is in it |
|---|---|
| `kernel` | `Kernel`: a name, sizes of the loops m, k and n, repeats, a hash of the patterns |
| `matrix_product` | `SparseKernel` (SpMV, SpMM, SpMSpM on patterns), `DensityKernel` (on distributions) |
| `sddmm` | `SddmmKernel`: a product at the non-zeros of a mask |
| `elementwise` | `ElementwiseKernel`: A * B, A + B |
| `convolution` | `sparse_convolution`: a product with im2col's repeats of activations |
| `unfolding` | `Unfolding`: how maps become B, in any product; the order of a filter's weights |
| `attention` | `sparse_attention`: SDDMM, softmax and SpMM of heads under a mask |
| `tensors` | TTV, TTM and MTTKRP as products, by matricisation |
| `tensor_names` | `TensorNames`: what a kernel reads and writes, through which view, in which loops |
| `graph` | `WorkloadGraph`: tensors with their writer, readers and life |
| `graph_building` | the graph from the kernels' names, and its checks |
| `workload` | `Workload`: kernels whose costs add up, and their graph |
"""
