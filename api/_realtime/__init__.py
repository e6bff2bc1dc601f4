"""OpenAI's realtime protocol over the conversations of the house."""
