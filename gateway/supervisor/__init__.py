"""The control plane: one process that starts workers, keeps them alive, changes what they do and tells how they are.

Nothing of it is on the road of a request."""
