"""Configurations, a file each: data, network and training of one experiment."""
