"""What may be chosen: parameters and their bounds, designs in words and as rows of integers."""
