"""What the three parts have in common."""
