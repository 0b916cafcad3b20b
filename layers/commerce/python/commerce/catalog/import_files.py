"""Product files in the imports bucket.

All of them are versions of one object, so the functions may use that object and no other,
and two uploads at one moment never get mixed up: S3 answers each with a version id of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from commerce.errors import InvalidImport, NotFound
from commerce.outages import named_outages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The functions' permissions in template.yaml name it, too.
OBJECT_KEY = "products.csv"
FILE_BYTES_MAX = 20_000_000
UPLOAD_LIFE = timedelta(minutes=15)

_NO_SUCH_FILE = {
    "NoSuchVersion",
    "NoSuchKey",
    # The version is a delete marker.
    "MethodNotAllowed",
    # The version id is none that S3 could have given.
    "InvalidArgument",
    # What is not there is forbidden to whoever may not list the bucket.
    "AccessDenied",
}


@cache
def s3_client() -> S3Client:
    """Give this process's client, in the region that the function runs in."""
    config = Config(
        connect_timeout=2,
        read_timeout=10,
        # Version 4, and the region's own address: a form is not posted again where another
        # one sends it on.
        signature_version="s3v4",
        s3={"addressing_style": "virtual"},
    )
    return boto3.client("s3", config=config)


@dataclass(frozen=True)
class UploadForm:
    """A form that puts one file into the bucket for whoever has it.

    It is sent as `multipart/form-data` to `url`, with `fields` as they are and, last, the
    file as `file`. It is as good as a key until it expires, and may be sent more than once.
    """

    url: str
    fields: Mapping[str, str]
    bytes_max: int
    expires_at: datetime


class ImportFiles:
    """The bucket staff put product files into."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        self._bucket = bucket
        self._client = client or s3_client()

    def upload_form(self, now: datetime) -> UploadForm:
        """Sign a form for a file of 1 byte to 20 MB; S3 refuses any other use of it."""
        signed = self._client.generate_presigned_post(
            self._bucket,
            OBJECT_KEY,
            Conditions=[["content-length-range", 1, FILE_BYTES_MAX]],
            ExpiresIn=int(UPLOAD_LIFE.total_seconds()),
        )
        # The form itself says it in whole seconds.
        expires_at = now.replace(microsecond=0) + UPLOAD_LIFE
        return UploadForm(signed["url"], signed["fields"], FILE_BYTES_MAX, expires_at)

    def text(self, version_id: str) -> str:
        """Read a file.

        Raises
        ------
        NotFound
            There is no such version, or not any more.
        InvalidImport
            It is over 20 MB or not UTF-8.
        Throttled, DependencyUnavailable
            It cannot be read at the moment.
        """
        with named_outages("the bucket"):
            return self._read(version_id)

    def _read(self, version_id: str) -> str:
        try:
            found = self._client.get_object(
                Bucket=self._bucket, Key=OBJECT_KEY, VersionId=version_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_SUCH_FILE:
                raise NotFound(
                    "no file was uploaded under this version id, or it is gone"
                ) from None
            raise
        if found["ContentLength"] > FILE_BYTES_MAX:
            raise InvalidImport(f"the file is larger than {FILE_BYTES_MAX} bytes: split it")
        try:
            return found["Body"].read().decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidImport("the file is not UTF-8: save it as CSV UTF-8") from None
