"""Embed both upstreams over real HTTP on loopback: two list APIs, a catalogue, and faults."""
