"""Rules and their versions, episodes and their timeline, sweeps and the audit trail (a Django app; see `facade`)."""
