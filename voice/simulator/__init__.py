"""Conversations without microphones: scripted callers, engines and clocks."""
