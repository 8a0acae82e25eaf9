"""The pages: views, templates, static files, and charts (a Django app)."""
