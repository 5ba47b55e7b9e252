"""Single requests of many clients in one bulk request upstream."""
