"""Version of this package: of its distribution, and in every record."""

__version__ = "0.2.0"
