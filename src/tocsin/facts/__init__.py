"""The customer data: what happened, and when. Append-mostly, read only through the as-of view."""
