"""The models against simulators, our own and those of others."""
