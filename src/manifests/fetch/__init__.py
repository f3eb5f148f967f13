"""Fetch pages: bounded, paced, retried, and with every foreign error translated at this edge."""
