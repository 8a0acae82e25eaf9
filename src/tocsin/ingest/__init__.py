"""Facts that arrive over HTTP: what other systems send, made into rows of the collections."""
