"""Microsoft Teams and the many other services that Apprise reaches."""
