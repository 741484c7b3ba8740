"""Training: pure functions in a compiled program, driven by a loop that checkpoints and resumes."""
