"""What a front is worth: how far from optimal, and what it hangs on."""
