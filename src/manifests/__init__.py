"""Turn slow, ill-tempered model APIs into a static catalogue that a web site can trust."""

__all__ = ["__version__"]

__version__ = "0.1.0"
