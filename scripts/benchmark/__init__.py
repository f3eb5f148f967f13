"""Measure the fetching against a sandbox that behaves as upstreams do, in time that runs faster."""
