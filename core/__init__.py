"""The ground floor: settings, errors, discovery, logging, metrics, fetching. Knows nobody above it."""
