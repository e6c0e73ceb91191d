"""The analytical model: what a kernel costs on a design, from its statistics, in closed form."""
