"""Conclusions under uncertain constants."""
