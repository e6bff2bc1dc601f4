"""What telephones reach."""
