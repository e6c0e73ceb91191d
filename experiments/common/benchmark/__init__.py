"""What the benchmark measures beside the models."""
