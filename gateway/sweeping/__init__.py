"""Sweeps on the command line: ordered, watched, paused, resumed and cancelled. What they do is the supervisor's."""
