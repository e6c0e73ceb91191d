"""Machines against the density of what they run."""
