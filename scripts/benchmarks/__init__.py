"""How fast this code is, beside its peers, what the machine allows, and its targets."""
