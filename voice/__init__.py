"""What the platform can do: speech, transcription, voices, routing."""
