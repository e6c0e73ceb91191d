"""What the scripts share: see the map in `experiments`."""
