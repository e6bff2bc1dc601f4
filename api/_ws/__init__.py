"""The conversations of `/ws`: their messages, connections and sessions."""
