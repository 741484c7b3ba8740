"""Trackers: histories and records for TensorBoard, Weights & Biases, or as CSV files."""
