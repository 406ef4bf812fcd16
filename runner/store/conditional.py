"""The one thing that pyarrow's S3 cannot do: put an object only if there is none of its name."""

import errno
import os

from runner.store.formats import StoreError


class S3:
    """A client with what a store's URL says of the server; credentials and all else from the environment, as for pyarrow."""

    def __init__(self, settings: dict[str, str]):
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise StoreError("a store on S3 wants boto3: pip install 'voxblocks[s3]'") from None
        server = settings.get("endpoint_override")
        if server and "://" not in server:
            server = f"{settings.get('scheme', 'https')}://{server}"
        # Checksums that only newer servers understand are left out, as pyarrow leaves them.
        plain = Config(request_checksum_calculation="when_required", retries={"mode": "standard"})
        region = settings.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        session = boto3.session.Session(region_name=region or "us-east-1")
        self._client = session.client("s3", endpoint_url=server, config=plain)

    def create(self, bucket: str, key: str, data: bytes) -> None:
        """Raises FileExistsError where there is one."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            # 409: another put of this name was under way at the same moment
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), f"{bucket}/{key}") from None
            raise OSError(f"{bucket}/{key}: {error}") from None
        except BotoCoreError as error:
            raise OSError(f"{bucket}/{key}: {error}") from None
