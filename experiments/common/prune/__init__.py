"""Networks pruned every way, and priced."""
