"""Configurations; ``base.py`` declares every key."""
