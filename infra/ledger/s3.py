"""A prefix in an S3 bucket as a storage."""

import errno
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

from infra.ledger.patience import WAIT_LIMIT_S, StorageError, wait_out

LARGE_BYTES = 64 << 20  # a single PUT ends at 5 GiB
_PASSING = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "503", "500"}
_REFUSED = {"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


@dataclass(frozen=True)
class S3Storage:
    """A prefix in a bucket; credentials and endpoint as boto3 finds them (AWS_ENDPOINT_URL ...)."""

    bucket: str
    prefix: str
    wait_limit_s: float = WAIT_LIMIT_S

    @property
    def uri(self) -> str:
        """s3://bucket/prefix."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.Session().client(
            "s3", config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"bucket": self.bucket, "prefix": self.prefix, "wait_limit_s": self.wait_limit_s}

    def write(self, path: str, data: bytes) -> None:
        """One PUT, in parts where it is large; S3 makes either visible whole."""
        if len(data) < LARGE_BYTES:
            self._call("put_object", Key=self._key(path), Body=data)
        else:
            self._call("upload_fileobj", Key=self._key(path), Fileobj=lambda: BytesIO(data))

    def create(self, path: str, data: bytes) -> bool:
        """A conditional PUT; where the server ignores the condition, the last look decides."""
        from botocore.exceptions import ClientError

        try:
            self.read(path)
            return False
        except FileNotFoundError:
            pass
        try:
            self._call("put_object", Key=self._key(path), Body=data, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                return False
            raise
        return self.read(path) == data

    def read(self, path: str) -> bytes:
        """One GET."""
        try:
            return self._call("get_object", Key=self._key(path))["Body"].read()
        except self._client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(errno.ENOENT, "no such object", f"{self.uri}/{path}") from error

    def list(self, prefix: str) -> dict[str, str]:
        """Every key below the prefix, with its ETag."""
        found: dict[str, str] = {}
        more: dict[str, Any] = {}
        base = self._key(prefix.rstrip("/") + "/") if prefix else self._key("")
        while True:
            page = self._call("list_objects_v2", Prefix=base, **more)
            found |= {item["Key"]: item["ETag"].strip('"') for item in page.get("Contents", ())}
            if not page.get("IsTruncated"):
                break
            more = {"ContinuationToken": page["NextContinuationToken"]}
        return {k.removeprefix(self.prefix).lstrip("/"): found[k] for k in sorted(found)}

    def delete(self, path: str) -> None:
        """One DELETE."""
        self._call("delete_object", Key=self._key(path))

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    def _call(self, verb: str, **arguments: Any) -> Any:
        from botocore.exceptions import ClientError, NoCredentialsError

        def attempt() -> Any:
            fresh = {k: v() if callable(v) else v for k, v in arguments.items()}
            return getattr(self._client, verb)(Bucket=self.bucket, **fresh)

        try:
            return wait_out(attempt, self.uri, _is_passing, self.wait_limit_s)
        except NoCredentialsError as error:
            raise StorageError(
                f"storage {self.uri}: needs credentials; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY"
            ) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _REFUSED:
                raise StorageError(
                    f"storage {self.uri}: {verb} must be allowed, got {code}; check the bucket "
                    "and the credentials"
                ) from error
            raise


def _is_passing(error: Exception) -> bool:
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _PASSING
    return isinstance(error, ConnectionError | HTTPClientError)
