"""Product files in the imports bucket."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from commerce.errors import InvalidImport, NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILE_BYTES_MAX = 20_000_000
# Without the right to list a bucket, a missing key is answered as a forbidden one.
_MISSING = {"NoSuchKey", "AccessDenied"}


@cache
def _s3_client() -> S3Client:
    return boto3.client("s3", config=Config(connect_timeout=2, read_timeout=10))


class ImportFiles:
    """The bucket staff put product files into."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        self._bucket = bucket
        self._client = client or _s3_client()

    def text(self, object_key: str) -> str:
        """Read a file.

        Raises
        ------
        NotFound
            There is no such file.
        InvalidImport
            It is over 20 MB or not UTF-8.
        """
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=object_key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise NotFound(f"the imports bucket has no file {object_key}") from None
            raise
        if found["ContentLength"] > FILE_BYTES_MAX:
            raise InvalidImport(f"the file is larger than {FILE_BYTES_MAX} bytes: split it")
        try:
            return found["Body"].read().decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidImport("the file is not UTF-8: save it as CSV UTF-8") from None
