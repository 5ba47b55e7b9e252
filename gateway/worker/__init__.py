"""A worker's life: build the road, follow the supervisor, drain."""
