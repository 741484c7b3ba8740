"""Our side of every case, and what the machine allows: a copy, a product, a plain form."""
