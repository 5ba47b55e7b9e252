"""Downstream: octets in, responses out."""
