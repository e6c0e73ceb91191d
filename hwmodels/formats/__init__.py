"""Compression formats: what each is, the bits that it takes, and encoders that really encode."""
