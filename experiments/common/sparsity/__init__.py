"""The sparsity report."""
