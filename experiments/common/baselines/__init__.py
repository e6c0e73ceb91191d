"""The comparison with CPU, GPU and published machines."""
