"""Files of any shape to collections, before they are imported: what their columns hold, what they can be, mappings of that."""
