"""Networks pruned under the price of a machine that moves with them."""
