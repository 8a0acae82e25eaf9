"""Systems that send webhooks: how each is set up, and the door that takes what they send (a Django app; see `facade`)."""
