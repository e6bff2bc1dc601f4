"""Text as people write it, with markup, numbers and names, made ready to be read aloud. Knows no engine but by name."""
