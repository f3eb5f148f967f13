"""Show the published set as a marketplace's visitors would see it: a static site, and a server."""
