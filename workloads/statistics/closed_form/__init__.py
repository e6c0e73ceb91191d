"""The tables of patterns that are known only as a distribution, in closed form."""
