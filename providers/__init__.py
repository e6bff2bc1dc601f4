"""Services over the network that do what engines do here."""
