"""What is left of a service when five times as much is asked of it as it can do."""
