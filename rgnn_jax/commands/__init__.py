"""One file a command: its arguments, and the one function they call; heavy imports wait until then."""
