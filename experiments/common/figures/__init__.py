"""Figures that several scripts draw, and how all of them look."""
