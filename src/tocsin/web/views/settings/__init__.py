"""Settings: one's own, and for those who run customer success: people, routes, channels, deliveries, keys, the audit."""
