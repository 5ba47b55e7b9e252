"""Origins that break in every way there is, and what clients of the gateway before them notice."""
