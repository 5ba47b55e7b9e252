"""Arrays of calls in one request."""
