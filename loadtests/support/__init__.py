"""What every measurement shares: starting and stopping processes by pid, their CPU and memory, ports, tables."""
