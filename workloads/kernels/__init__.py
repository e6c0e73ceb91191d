"""Kernels: one masked sparse matrix product each, or an element-wise operation, and workloads made of them."""
