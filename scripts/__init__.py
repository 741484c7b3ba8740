"""Entry points of a checkout; what is installed is ``dropout_lab`` alone."""
