"""The origin's side: pools of connections, and the last handler of every chain."""
