"""Machines other than the project's own, each with its own rules.

| module | machine |
|---|---|
| `sam` | a single-lane stream machine: cycles of the Sparse Abstract Machine's simulator, token by token |
| `sparseloop` | Sparseloop's abstraction on a small architecture: expected occupancies in closed form |
"""
