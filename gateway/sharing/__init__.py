"""What several gateways do as one, over Redis: purges, one fetch for each key, limits, news. Without it each goes on
alone."""
