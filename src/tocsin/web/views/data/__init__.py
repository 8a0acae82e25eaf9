"""Data: what is held and how fresh it is, the event catalog, rejected rows, accounts and owners that nobody knows."""
