"""Our side of every case, and its lower bounds on this machine: a copy, a product, a plain form."""
