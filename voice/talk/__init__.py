"""The conversation: turns, interruption, what was heard, and the agents that answer. Knows neither wires nor pages."""
