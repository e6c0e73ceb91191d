"""Tables of a kernel over the statistics lattice: counted on its non-zeros, or in closed form from densities."""
