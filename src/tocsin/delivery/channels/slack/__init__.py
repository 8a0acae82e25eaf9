"""Slack: messages with buttons, kept up to date in place."""
