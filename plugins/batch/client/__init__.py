"""Many requests of a client in one."""
