"""Sound as a value, and the formats it arrives and leaves in."""
