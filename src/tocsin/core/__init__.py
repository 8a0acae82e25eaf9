"""The domain in pure Python: no Django, no SQL, no input or output, no clock of its own."""
