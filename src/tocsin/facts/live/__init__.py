"""Facts that arrive one by one: events, traits and rows as other systems send them, stored as soon as they come."""
