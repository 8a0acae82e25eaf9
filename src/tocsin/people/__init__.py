"""Users, teams, roles and sign-in (a Django app; see `facade`)."""
