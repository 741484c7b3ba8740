"""Interface to the operating system: files, directories, terminal, cores, signals."""
