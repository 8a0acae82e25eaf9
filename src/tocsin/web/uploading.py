"""How an upload is written to disk as it comes."""

from __future__ import annotations

import weakref
from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler


class ToDisk(TemporaryFileUploadHandler):
    """Django's own, which leaves a file open where the form breaks off within it (say, at base64 that is none).

    Here each file is closed, and with that deleted, at the latest when its request is forgotten.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, and see to its end."""
        super().new_file(*args, **kwargs)
        weakref.finalize(self, self.file.close)
