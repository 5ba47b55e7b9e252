"""The rooms: one package for each feature of the chain."""
