"""A form that breaks off leaves no file open and none on disk."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory, override_settings

from tocsin.web.uploading import ToDisk

HEAD = '--x\r\nContent-Disposition: form-data; name="file"; filename="accounts.csv"\r\n'
BROKEN = HEAD + "Content-Transfer-Encoding: base64\r\n\r\n" + "YWJj" * 20_000 + "!\r\n--x--\r\n"
WHOLE = HEAD + "\r\nid,name\r\n--x--\r\n"


@pytest.mark.parametrize("text", [BROKEN, WHOLE], ids=["broken", "whole"])
def test_no_file_outlives_its_request(text: str, tmp_path: Path) -> None:
    with override_settings(FILE_UPLOAD_TEMP_DIR=str(tmp_path), FILE_UPLOAD_HANDLERS=[f"{ToDisk.__module__}.ToDisk"]):
        request = RequestFactory().post("/", text.encode(), content_type="multipart/form-data; boundary=x")
        try:
            assert (text, len(request.FILES)) == (WHOLE, 1)
        except MultiPartParserError:
            assert text == BROKEN
        assert len(list(tmp_path.iterdir())) == 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del request
            gc.collect()
    assert [str(each.message) for each in caught] == []
    assert list(tmp_path.iterdir()) == []
