"""A user's files: sparse matrices, layers of trained networks, layer tables, collections by name."""
