"""Sound and messages on a socket, whatever is spoken on it: codecs, what waits to be sent, how much may come."""
