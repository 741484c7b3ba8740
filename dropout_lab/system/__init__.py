"""What a process shares with its machine: files, directories, terminals, cores, signals."""
