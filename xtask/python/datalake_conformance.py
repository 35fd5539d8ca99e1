"""What the official Python client must be able to do against a Data Lake endpoint.

Every check is a function that works in filesystems of its own and fails by an exception. All run, whatever fails; the
table at the end says how each went, and the exit code is 1 if any failed. Nothing of the client is replaced or
adjusted; only where an error is expected are its retries turned off.
"""

import argparse
import hashlib
import io
import os
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

from azure.core import MatchConditions
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.filedatalake import (
    AccountSasPermissions,
    DataLakeFileClient,
    DataLakeLeaseClient,
    DataLakeServiceClient,
    DirectorySasPermissions,
    FileSasPermissions,
    FileSystemClient,
    FileSystemSasPermissions,
    PathProperties,
    ResourceTypes,
    generate_account_sas,
    generate_directory_sas,
    generate_file_sas,
    generate_file_system_sas,
)

MIB = 1024 * 1024
SCOPE = "https://storage.azure.com/.default"
# A well-formed key that is nobody's.
WRONG_KEY = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IQ=="
NAMES = [
    "with space.jsonl",
    "per%cent.jsonl",
    "per%41escape.jsonl",
    "hash#1.jsonl",
    "question?a=b.jsonl",
    "plus+plus.jsonl",
    "back\\slash.jsonl",
    "größe.jsonl",
    "测试.jsonl",
    " a b#c?d%e+f\\gü测.jsonl",
]


class Skip(Exception):
    """A check that cannot run with the arguments given."""


class FixedToken:
    """A credential whose token is known beforehand."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.extend(scopes)
        return AccessToken(self.token, int(time.time()) + 3600)


@dataclass
class Context:
    """The endpoint under test, and what was made in it."""

    endpoint: str
    account: str
    key: str
    tls_endpoint: str | None
    ca: str | None
    token: str | None
    made: list[str] = field(default_factory=list)

    def service(self, credential: Any = None, **options: Any) -> DataLakeServiceClient:
        """A client with the account's key, or with another credential."""
        if credential is None:
            credential = {"account_name": self.account, "account_key": self.key}
        return DataLakeServiceClient(self.endpoint, credential=credential, **options)

    def strict(self, credential: Any = None) -> DataLakeServiceClient:
        """A client that does not try again, for errors that are expected."""
        return self.service(credential, retry_total=0)

    def name(self) -> str:
        """A name for a filesystem, new each time; it is deleted in the end."""
        name = f"conformance-{uuid.uuid4().hex[:12]}"
        self.made.append(name)
        return name

    def file_system(self) -> FileSystemClient:
        """A new, empty filesystem."""
        return self.service().create_file_system(self.name())

    def tls_service(self, token: str) -> tuple[DataLakeServiceClient, FixedToken]:
        """A client with a bearer token over TLS."""
        if not (self.tls_endpoint and self.ca and self.token):
            raise Skip("needs --tls-endpoint, --ca and --token-env")
        credential = FixedToken(token)
        service = DataLakeServiceClient(
            self.tls_endpoint, credential=credential, connection_verify=self.ca, retry_total=0
        )
        return service, credential


# ---------------------------------------------------------------------------------------------------------------------
# Words for the checks


def equal(found: Any, wanted: Any, what: str) -> None:
    assert found == wanted, f"{what} is {found!r}, expected {wanted!r}"


@contextmanager
def refused(kind: type[HttpResponseError], status: int | set[int], code: str | None = None) -> Iterator[None]:
    """The block must raise this error."""
    wanted = status if isinstance(status, set) else {status}
    try:
        yield
    except HttpResponseError as error:
        found = getattr(error, "error_code", None)
        found = getattr(found, "value", found)
        told = f"{type(error).__name__} {error.status_code} {found}"
        assert isinstance(error, kind), f"{told}, expected {kind.__name__}"
        assert error.status_code in wanted, f"{told}, expected status {sorted(wanted)}"
        assert code is None or found == code, f"{told}, expected {code}"
        return
    raise AssertionError(f"no error, expected {kind.__name__} {sorted(wanted)} {code or ''}".rstrip())


def pattern(size: int) -> bytes:
    """Bytes in which every block of 4 differs, so that a misplaced chunk is seen."""
    block = b"".join(number.to_bytes(4, "big") for number in range(MIB // 4))
    repeated = bytearray(block * (size // MIB + 1))
    for number in range(size // MIB + 1):
        repeated[number * MIB : number * MIB + 4] = (0xA0000000 + number).to_bytes(4, "big")
    return bytes(repeated[:size])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def bare(etag: str) -> str:
    """An ETag as lists have it: without quotation marks."""
    return etag.strip('"')


def put(file_system: FileSystemClient, path: str, data: bytes = b"data") -> DataLakeFileClient:
    """A file with this content."""
    client = file_system.get_file_client(path)
    if data:
        client.upload_data(data, overwrite=True)
    else:
        client.create_file()
    return client


def content(client: DataLakeFileClient) -> bytes:
    return client.download_file().readall()


def names(paths: Any) -> list[str]:
    return [path.name for path in paths]


def in_hours(hours: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(hours=hours)


# ---------------------------------------------------------------------------------------------------------------------
# Filesystems and directories


def file_system_life(context: Context) -> None:
    client = context.service().get_file_system_client(context.name())
    assert not client.exists(), "it exists before it is made"
    client.create_file_system()
    assert client.exists(), "it does not exist after it was made"
    client.delete_file_system()
    assert not client.exists(), "it exists after it was deleted"


def file_system_errors(context: Context) -> None:
    name = context.file_system().file_system_name
    client = context.strict().get_file_system_client(name)
    with refused(ResourceExistsError, 409):
        client.create_file_system()
    missing = context.strict().get_file_system_client(context.name())
    with refused(ResourceNotFoundError, 404):
        missing.delete_file_system()
    with refused(ResourceNotFoundError, 404):
        list(missing.get_paths())
    with refused(ResourceNotFoundError, 404):
        missing.get_file_client("a.txt").create_file()


def directories(context: Context) -> None:
    file_system = context.file_system()
    file_system.create_directory("outer/inner")
    for path in ["outer", "outer/inner"]:
        client = file_system.get_directory_client(path)
        assert client.exists(), f"{path} does not exist"
        properties = client.get_directory_properties()
        equal(properties.metadata.get("hdi_isfolder"), "true", f"{path}: hdi_isfolder")
        assert properties.etag and properties.last_modified, f"{path}: no ETag or no date"
    file_system.get_directory_client("outer").create_sub_directory("second")
    assert file_system.get_directory_client("outer/second").exists(), "the sub-directory does not exist"
    assert not file_system.get_directory_client("outer/none").exists(), "a missing directory exists"


def files_exist(context: Context) -> None:
    file_system = context.file_system()
    client = file_system.get_directory_client("a/b").create_file("c.txt")
    assert client.exists(), "the file does not exist"
    assert file_system.get_directory_client("a/b").exists(), "its parent was not made"
    assert not file_system.get_file_client("a/b/d.txt").exists(), "a missing file exists"


def file_properties(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "dir/file.bin", b"12345")
    properties = client.get_file_properties()
    equal(properties.size, 5, "size")
    assert bare(properties.etag), "no ETag"
    assert properties.last_modified, "no date"
    assert "hdi_isfolder" not in properties.metadata, "a file is told to be a directory"
    equal(properties.lease.state, "available", "lease state")
    listed = {path.name: path for path in file_system.get_paths()}
    equal(bare(properties.etag), bare(listed["dir/file.bin"].etag), "ETag")
    equal(listed["dir/file.bin"].is_directory, False, "is_directory of the file")
    equal(listed["dir"].is_directory, True, "is_directory of the directory")
    missing = context.strict().get_file_client(file_system.file_system_name, "none")
    with refused(ResourceNotFoundError, 404):
        missing.get_file_properties()


# ---------------------------------------------------------------------------------------------------------------------
# Writing


def upload_small(context: Context) -> None:
    file_system = context.file_system()
    client = file_system.get_file_client("dir/sub/small.jsonl")
    answer = client.upload_data(b'{"a": 1}\n', overwrite=True)
    equal(content(client), b'{"a": 1}\n', "content")
    equal(bare(answer["etag"]), bare(client.get_file_properties().etag), "ETag of the upload")


def upload_bytes(context: Context) -> None:
    data = pattern(10 * MIB)
    client = context.file_system().get_file_client("large.bin")
    client.upload_data(data, overwrite=True)
    equal(client.get_file_properties().size, len(data), "size")
    equal(digest(content(client)), digest(data), "sha256")


def upload_stream(context: Context) -> None:
    data = pattern(10 * MIB)
    file_system = context.file_system()
    for path, length in [("unsized.bin", None), ("sized.bin", len(data))]:
        client = file_system.get_file_client(path)
        client.upload_data(io.BytesIO(data), length, overwrite=True, chunk_size=4 * MIB)
        equal(digest(content(client)), digest(data), f"{path}: sha256")


def upload_overwrites(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "a.txt", b"a longer first text")
    before = client.get_file_properties().etag
    client.upload_data(b"second", overwrite=True)
    equal(content(client), b"second", "content")
    assert client.get_file_properties().etag != before, "the ETag is the old one"
    strict = context.strict().get_file_client(file_system.file_system_name, "a.txt")
    with refused(HttpResponseError, 412):
        strict.upload_data(b"third", overwrite=True, etag=before, match_condition=MatchConditions.IfNotModified)
    equal(content(client), b"second", "content after a refused upload")


def upload_without_overwrite(context: Context) -> None:
    file_system = context.file_system()
    put(file_system, "there.txt", b"first")
    service = context.strict()
    missing = service.get_file_client(file_system.file_system_name, "missing.txt")
    with refused(ResourceNotFoundError, 404, "PathNotFound"):
        missing.upload_data(b"data", overwrite=False)
    assert not missing.exists(), "the refused upload made the file"
    there = service.get_file_client(file_system.file_system_name, "there.txt")
    with refused(HttpResponseError, {409, 412}):
        there.upload_data(b"second", overwrite=False)
    equal(content(there), b"first", "content after a refused upload")


def upload_nothing(context: Context) -> None:
    client = context.file_system().get_file_client("empty.txt")
    equal(client.upload_data(b"", overwrite=True), {}, "answer")
    # The client sends no request at all for it.
    assert not client.exists(), "something was made"


def appends(context: Context) -> None:
    client = context.file_system().get_file_client("app.bin")
    client.create_file()
    created = client.get_file_properties().etag
    client.append_data(b"abc", 0, 3)
    client.append_data(b"defg", 3, 4)
    properties = client.get_file_properties()
    equal(properties.size, 0, "size before the flush")
    equal(properties.etag, created, "ETag before the flush")
    flushed = client.flush_data(7)
    equal(content(client), b"abcdefg", "content after the flush")
    assert flushed["etag"] != created, "the flush kept the ETag"
    answer = client.append_data(b"hi", 7, 2, flush=True)
    equal(content(client), b"abcdefghi", "content after an append with flush")
    equal(bare(answer["etag"]), bare(client.get_file_properties().etag), "ETag of the append with flush")
    client.append_data(io.BytesIO(b"jkl"), 9)
    client.flush_data(12, close=True)
    equal(content(client), b"abcdefghijkl", "content in the end")


def flush_at_a_wrong_position(context: Context) -> None:
    file_system = context.file_system()
    client = context.strict().get_file_client(file_system.file_system_name, "app.bin")
    client.create_file()
    client.append_data(b"abc", 0, 3)
    for position in [4, 30]:
        with refused(HttpResponseError, 400, "InvalidFlushPosition"):
            client.flush_data(position)
    client.flush_data(3)
    equal(content(client), b"abc", "content")


def write_to_a_missing_file(context: Context) -> None:
    file_system = context.file_system()
    client = context.strict().get_file_client(file_system.file_system_name, "none.bin")
    with refused(ResourceNotFoundError, 404, "PathNotFound"):
        client.append_data(b"abc", 0, 3)
    with refused(ResourceNotFoundError, 404, "PathNotFound"):
        client.flush_data(0)


def create_if_absent(context: Context) -> None:
    file_system = context.file_system()
    client = context.strict().get_file_client(file_system.file_system_name, "once.txt")
    client.create_file(match_condition=MatchConditions.IfMissing)
    with refused(ResourceExistsError, 409, "PathAlreadyExists"):
        client.create_file(match_condition=MatchConditions.IfMissing)


def metadata(context: Context) -> None:
    client = put(context.file_system(), "a.txt", b"text")
    client.set_metadata({"first": "1", "second": "two words"})
    equal(client.get_file_properties().metadata, {"first": "1", "second": "two words"}, "metadata")
    client.set_metadata({"third": "3"})
    equal(client.get_file_properties().metadata, {"third": "3"}, "metadata after it was replaced")
    equal(content(client), b"text", "content")


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def download_whole(context: Context) -> None:
    client = put(context.file_system(), "a.txt", b"0123456789")
    download = client.download_file()
    equal(download.size, 10, "size")
    equal(bare(download.properties.etag), bare(client.get_file_properties().etag), "ETag")
    equal(download.readall(), b"0123456789", "content")
    target = io.BytesIO()
    equal(client.download_file().readinto(target), 10, "bytes read")
    equal(target.getvalue(), b"0123456789", "content read into a stream")


def download_empty(context: Context) -> None:
    client = put(context.file_system(), "empty.txt", b"")
    download = client.download_file()
    equal(download.size, 0, "size")
    equal(download.readall(), b"", "content")


def download_ranges(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "a.txt", b"0123456789")
    for offset, length, wanted in [(2, 3, b"234"), (0, 1, b"0"), (7, None, b"789"), (7, 100, b"789")]:
        found = client.download_file(offset=offset, length=length).readall()
        equal(found, wanted, f"range {offset}+{length}")
    strict = context.strict().get_file_client(file_system.file_system_name, "a.txt")
    with refused(HttpResponseError, 416, "InvalidRange"):
        strict.download_file(offset=10, length=1)
    missing = context.strict().get_file_client(file_system.file_system_name, "none")
    with refused(ResourceNotFoundError, 404):
        missing.download_file()


def download_large(context: Context) -> None:
    """More than the first request asks for: the rest comes in further ranges."""
    data = pattern(40 * MIB)
    file_system = context.file_system()
    client = put(file_system, "large.bin", data)
    equal(digest(content(client)), digest(data), "sha256")
    equal(digest(client.download_file(max_concurrency=3).readall()), digest(data), "sha256, in parallel")
    sliced = hashlib.sha256()
    for chunk in client.download_file().chunks():
        sliced.update(chunk)
    equal(sliced.hexdigest(), digest(data), "sha256, by chunks")
    small = context.service(max_single_get_size=MIB, max_chunk_get_size=MIB)
    tail = small.get_file_client(file_system.file_system_name, "large.bin")
    found = tail.download_file(offset=30 * MIB + 1, length=5 * MIB).readall()
    equal(digest(found), digest(data[30 * MIB + 1 : 35 * MIB + 1]), "sha256 of a range in small chunks")


def download_conditions(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "a.txt", b"first")
    stale = client.get_file_properties().etag
    client.upload_data(b"second", overwrite=True)
    current = client.get_file_properties().etag
    matches = MatchConditions.IfNotModified
    equal(client.download_file(etag=current, match_condition=matches).readall(), b"second", "content")
    strict = context.strict().get_file_client(file_system.file_system_name, "a.txt")
    with refused(ResourceModifiedError, 412):
        strict.download_file(etag=stale, match_condition=matches)


# ---------------------------------------------------------------------------------------------------------------------
# Lists


TREE = ["a.jsonl", "dir", "dir/a", "dir/a/x.jsonl", "dir/b.jsonl", "dir-2", "dir-2/y.jsonl", "z.jsonl"]


def tree(context: Context) -> FileSystemClient:
    file_system = context.file_system()
    for path in reversed(TREE):
        if path.endswith(".jsonl"):
            put(file_system, path, path.encode())
    return file_system


def list_recursive(context: Context) -> None:
    paths: list[PathProperties] = list(tree(context).get_paths())
    # Depth first, and by name within a directory.
    equal(names(paths), sorted(TREE, key=lambda path: path.split("/")), "paths")
    for path in paths:
        is_file = path.name.endswith(".jsonl")
        equal(path.is_directory, not is_file, f"{path.name}: is_directory")
        equal(path.content_length, len(path.name) if is_file else 0, f"{path.name}: content_length")
        assert path.etag and path.last_modified, f"{path.name}: no ETag or no date"
        assert not path.etag.startswith('"'), f"{path.name}: the ETag is quoted in the list"


def list_root(context: Context) -> None:
    file_system = tree(context)
    equal(names(file_system.get_paths(path="/")), names(file_system.get_paths()), "paths below /")
    top = names(file_system.get_paths(recursive=False))
    equal(top, ["a.jsonl", "dir", "dir-2", "z.jsonl"], "paths in the root")


def list_directory(context: Context) -> None:
    file_system = tree(context)
    equal(names(file_system.get_paths(path="dir", recursive=False)), ["dir/a", "dir/b.jsonl"], "paths in dir")
    below = ["dir/a", "dir/a/x.jsonl", "dir/b.jsonl"]
    equal(names(file_system.get_paths(path="dir")), below, "paths below dir")
    equal(names(file_system.get_directory_client("dir").get_paths()), below, "paths of the directory's client")
    file_system.create_directory("nothing")
    equal(names(file_system.get_paths(path="nothing")), [], "paths below an empty directory")
    strict = context.strict().get_file_system_client(file_system.file_system_name)
    with refused(ResourceNotFoundError, 404):
        list(strict.get_paths(path="none"))


def list_pages(context: Context) -> None:
    file_system = tree(context)
    pages = [names(page) for page in file_system.get_paths(max_results=2).by_page()]
    equal([name for page in pages for name in page], names(file_system.get_paths()), "paths of all pages")
    assert len(pages) >= len(TREE) // 2, f"only {len(pages)} pages"
    assert all(len(page) <= 2 for page in pages), f"pages of {[len(page) for page in pages]}"
    # A continuation token is good for another iterator.
    first: Any = file_system.get_paths(max_results=3).by_page()
    start = names(next(first))
    rest = file_system.get_paths(max_results=3).by_page(continuation_token=first.continuation_token)
    equal(start + [name for page in rest for name in names(page)], names(file_system.get_paths()), "resumed list")


def list_empty(context: Context) -> None:
    equal(names(context.file_system().get_paths()), [], "paths")


# ---------------------------------------------------------------------------------------------------------------------
# Names


def awkward_files(context: Context) -> None:
    file_system = context.file_system()
    for name in NAMES:
        path = f"dir/{name}"
        client = put(file_system, path, name.encode())
        assert client.exists(), f"{name!r} does not exist"
        equal(client.get_file_properties().size, len(name.encode()), f"{name!r}: size")
        equal(content(client), name.encode(), f"{name!r}: content")
    listed = [path.name for path in file_system.get_paths(path="dir")]
    equal(sorted(listed), sorted(f"dir/{name}" for name in NAMES), "paths")
    for name in NAMES:
        file_system.get_file_client(f"dir/{name}").delete_file()
    equal(names(file_system.get_paths(path="dir")), [], "paths after the files were deleted")


def awkward_directories(context: Context) -> None:
    file_system = context.file_system()
    for name in NAMES:
        file_system.create_directory(name)
        put(file_system, f"{name}/file", b"x")
        equal(names(file_system.get_paths(path=name)), [f"{name}/file"], f"paths below {name!r}")
        file_system.get_directory_client(name).delete_directory()
    equal(names(file_system.get_paths()), [], "paths in the end")


def awkward_renames(context: Context) -> None:
    file_system = context.file_system()
    # The client decodes what looks like an escape in the name of a source (`%41` becomes `A`), so none of that here.
    for name in [name for name in NAMES if unquote(name) == name]:
        client = put(file_system, "plain.bin", name.encode())
        there = client.rename_file(f"{file_system.file_system_name}/to {name}")
        equal(content(there), name.encode(), f"{name!r}: content of the target")
        back = there.rename_file(f"{file_system.file_system_name}/plain.bin")
        equal(content(back), name.encode(), f"{name!r}: content after the way back")
    equal(names(file_system.get_paths()), ["plain.bin"], "paths in the end")


# ---------------------------------------------------------------------------------------------------------------------
# Renaming and deleting


def rename_within(context: Context) -> None:
    file_system = context.file_system()
    source = put(file_system, "dir/a.bin", b"content")
    before = source.get_file_properties()
    file_system.create_directory("other")
    target = source.rename_file(f"{file_system.file_system_name}/other/b.bin")
    equal(target.path_name, "other/b.bin", "path of the client returned")
    after = target.get_file_properties()
    equal(after.etag, before.etag, "ETag")
    equal(after.last_modified, before.last_modified, "Last-Modified")
    equal(content(target), b"content", "content")
    assert not source.exists(), "the source is still there"


def rename_across(context: Context) -> None:
    source_system, target_system = context.file_system(), context.file_system()
    source = put(source_system, "in #1/a.bin", b"content")
    before = source.get_file_properties().etag
    target = source.rename_file(f"{target_system.file_system_name}/moved#1%.bin")
    equal(target.get_file_properties().etag, before, "ETag")
    assert not source.exists(), "the source is still there"
    found = target_system.get_file_client("moved#1%.bin")
    equal(content(found), b"content", "content")


def rename_onto(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    put(file_system, "a.bin", b"a")
    put(file_system, "b.bin", b"b")
    source = context.strict().get_file_client(name, "a.bin")
    with refused(ResourceExistsError, 409, "PathAlreadyExists"):
        source.rename_file(f"{name}/b.bin", match_condition=MatchConditions.IfMissing)
    equal(content(source), b"a", "source after the refusal")
    equal(content(file_system.get_file_client("b.bin")), b"b", "target after the refusal")
    source.rename_file(f"{name}/b.bin")
    equal(content(file_system.get_file_client("b.bin")), b"a", "target after it was replaced")


def rename_conditions(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    client = put(file_system, "a.bin", b"first")
    stale = client.get_file_properties().etag
    client.upload_data(b"second", overwrite=True)
    current = client.get_file_properties().etag
    source = context.strict().get_file_client(name, "a.bin")
    matches = MatchConditions.IfNotModified
    with refused(HttpResponseError, 412, "SourceConditionNotMet"):
        source.rename_file(f"{name}/b.bin", source_etag=stale, source_match_condition=matches)
    assert source.exists(), "the refused rename took the source"
    target = source.rename_file(f"{name}/b.bin", source_etag=current, source_match_condition=matches)
    equal(content(target), b"second", "content")


def rename_missing(context: Context) -> None:
    name = context.file_system().file_system_name
    source = context.strict().get_file_client(name, "none.bin")
    with refused(ResourceNotFoundError, 404, "SourcePathNotFound"):
        source.rename_file(f"{name}/b.bin")


def rename_directory(context: Context) -> None:
    file_system = context.file_system()
    put(file_system, "dir/sub/a.bin", b"a")
    put(file_system, "dir/b.bin", b"b")
    source = file_system.get_directory_client("dir")
    target = source.rename_directory(f"{file_system.file_system_name}/dir9")
    assert target.exists() and not source.exists(), "the directory is not where it should be"
    equal(names(file_system.get_paths()), ["dir9", "dir9/b.bin", "dir9/sub", "dir9/sub/a.bin"], "paths")
    equal(content(file_system.get_file_client("dir9/sub/a.bin")), b"a", "content")


def delete_file(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "a.bin")
    client.delete_file()
    assert not client.exists(), "it is still there"
    with refused(ResourceNotFoundError, 404, "PathNotFound"):
        context.strict().get_file_client(file_system.file_system_name, "a.bin").delete_file()


def delete_directory(context: Context) -> None:
    file_system = context.file_system()
    put(file_system, "dir/sub/a.bin")
    put(file_system, "dir-2/b.bin")
    file_system.get_directory_client("dir").delete_directory()
    equal(names(file_system.get_paths()), ["dir-2", "dir-2/b.bin"], "paths")
    strict = context.strict().get_directory_client(file_system.file_system_name, "dir")
    with refused(ResourceNotFoundError, 404, "PathNotFound"):
        strict.delete_directory()


def delete_conditions(context: Context) -> None:
    file_system = context.file_system()
    client = put(file_system, "a.bin", b"first")
    stale = client.get_file_properties().etag
    client.upload_data(b"second", overwrite=True)
    strict = context.strict().get_file_client(file_system.file_system_name, "a.bin")
    matches = MatchConditions.IfNotModified
    with refused(ResourceModifiedError, 412, "ConditionNotMet"):
        strict.delete_file(etag=stale, match_condition=matches)
    equal(content(client), b"second", "content after the refusal")
    strict.delete_file(etag=client.get_file_properties().etag, match_condition=matches)
    assert not client.exists(), "it is still there"


# ---------------------------------------------------------------------------------------------------------------------
# Leases


def lease_guards(context: Context) -> None:
    file_system = context.file_system()
    put(file_system, "a.bin", b"first")
    client = context.strict().get_file_client(file_system.file_system_name, "a.bin")
    proposed = str(uuid.uuid4())
    lease = client.acquire_lease(lease_duration=15, lease_id=proposed)
    equal(lease.id, proposed, "lease id")
    state = client.get_file_properties().lease
    equal((state.status, state.state, state.duration), ("locked", "leased", "fixed"), "lease")
    with refused(HttpResponseError, 412, "LeaseIdMissing"):
        client.upload_data(b"second", overwrite=True)
    with refused(HttpResponseError, 412, "LeaseIdMissing"):
        client.append_data(b"more", 5, 4, flush=True)
    with refused(HttpResponseError, 412, "LeaseIdMissing"):
        client.delete_file()
    equal(content(client), b"first", "content after the refusals")
    client.append_data(b" and second", 5, 11, lease=lease)
    client.flush_data(16, lease=lease)
    equal(content(client), b"first and second", "content written with the lease")
    with refused(HttpResponseError, {409, 412}):
        client.delete_file(lease=str(uuid.uuid4()))
    client.delete_file(lease=lease)
    assert not client.exists(), "it is still there"


def lease_life(context: Context) -> None:
    file_system = context.file_system()
    put(file_system, "a.bin", b"first")
    client = context.strict().get_file_client(file_system.file_system_name, "a.bin")
    lease = client.acquire_lease(lease_duration=15)
    held = lease.id
    with refused(ResourceExistsError, 409, "LeaseAlreadyPresent"):
        client.acquire_lease(lease_duration=15)
    lease.renew()
    equal(lease.id, held, "lease id after it was renewed")
    lease.release()
    equal(client.get_file_properties().lease.state, "available", "lease state after the release")
    client.upload_data(b"second", overwrite=True)
    with refused(HttpResponseError, 409):
        DataLakeLeaseClient(client, lease_id=held).renew()


def lease_break(context: Context) -> None:
    client = put(context.file_system(), "a.bin", b"first")
    client.acquire_lease(lease_duration=-1)
    equal(client.get_file_properties().lease.duration, "infinite", "lease duration")
    # Whoever may write may break it, without knowing its id.
    equal(DataLakeLeaseClient(client).break_lease(lease_break_period=0), 0, "seconds left")
    equal(client.get_file_properties().lease.state, "broken", "lease state")
    client.upload_data(b"second", overwrite=True)
    client.acquire_lease(lease_duration=15).release()


# ---------------------------------------------------------------------------------------------------------------------
# Credentials


def works(service: DataLakeServiceClient, name: str) -> None:
    """A round trip in a filesystem that is there; both of the client's halves take part."""
    path = f"round trip {uuid.uuid4().hex}.bin"
    client = service.get_file_client(name, path)
    client.upload_data(b"round trip", overwrite=True)
    equal(content(client), b"round trip", "content")
    equal(client.get_file_properties().size, 10, "size")
    assert path in names(service.get_file_system_client(name).get_paths()), "the file is not in the list"
    client.delete_file()


def key_forms(context: Context) -> None:
    name = context.file_system().file_system_name
    works(context.service({"account_name": context.account, "account_key": context.key}), name)
    works(context.service(context.key), name)
    works(context.service(AzureNamedKeyCredential(context.account, context.key)), name)


def key_wrong(context: Context) -> None:
    name = put(context.file_system(), "a.txt").file_system_name
    client = context.strict({"account_name": context.account, "account_key": WRONG_KEY})
    with refused(HttpResponseError, 403, "AuthenticationFailed"):
        client.get_file_client(name, "b.txt").create_file()
    with refused(HttpResponseError, 403):
        client.get_file_client(name, "a.txt").get_file_properties()
    with refused(HttpResponseError, 403):
        client.get_file_client(name, "a.txt").download_file()
    with refused(HttpResponseError, 403):
        list(client.get_file_system_client(name).get_paths())


ALL_OF_SYSTEM = FileSystemSasPermissions(
    read=True, write=True, delete=True, list=True, add=True, create=True, move=True
)


def system_sas(context: Context, name: str, permission: Any = ALL_OF_SYSTEM, hours: float = 1) -> str:
    return generate_file_system_sas(context.account, name, context.key, permission=permission, expiry=in_hours(hours))


def account_sas(context: Context) -> str:
    return generate_account_sas(
        context.account,
        context.key,
        resource_types=ResourceTypes(service=True, file_system=True, object=True),
        permission=AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=in_hours(1),
    )


def sas_of_file_system(context: Context) -> None:
    name = context.file_system().file_system_name
    sas = system_sas(context, name)
    works(context.service(sas), name)
    works(context.service(AzureSasCredential(sas)), name)
    works(DataLakeServiceClient(f"{context.endpoint}?{sas}"), name)
    other = put(context.file_system(), "a.txt").file_system_name
    with refused(HttpResponseError, 403):
        context.strict(sas).get_file_client(other, "a.txt").download_file()


def sas_of_account(context: Context) -> None:
    sas = account_sas(context)
    name = context.name()
    context.service(sas).create_file_system(name)
    works(context.service(sas), name)
    works(context.service(AzureSasCredential(sas)), name)
    works(DataLakeServiceClient(f"{context.endpoint}?{sas}"), name)


def sas_of_file(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    put(file_system, "dir/a b#1.txt", b"mine")
    put(file_system, "dir/other.txt", b"not mine")
    sas = generate_file_sas(
        context.account,
        name,
        "dir",
        "a b#1.txt",
        context.key,
        permission=FileSasPermissions(read=True, write=True, create=True, delete=True),
        expiry=in_hours(1),
    )
    for credential in [sas, AzureSasCredential(sas)]:
        service = context.strict(credential)
        client = service.get_file_client(name, "dir/a b#1.txt")
        equal(content(client), b"mine", "content")
        client.upload_data(b"mine", overwrite=True)
        with refused(HttpResponseError, 403):
            service.get_file_client(name, "dir/other.txt").download_file()


def sas_of_directory(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    put(file_system, "dir/sub/a.txt", b"inside")
    put(file_system, "dir-2/b.txt", b"outside")
    sas = generate_directory_sas(
        context.account,
        name,
        "dir/sub",
        context.key,
        permission=DirectorySasPermissions(read=True, write=True, create=True, delete=True, list=True),
        expiry=in_hours(1),
    )
    service = context.strict(sas)
    equal(content(service.get_file_client(name, "dir/sub/a.txt")), b"inside", "content")
    below = service.get_file_client(name, "dir/sub/deeper/c.txt")
    below.upload_data(b"new", overwrite=True)
    equal(content(below), b"new", "content of a new file")
    listed = names(service.get_file_system_client(name).get_paths(path="dir/sub"))
    equal(listed, ["dir/sub/a.txt", "dir/sub/deeper", "dir/sub/deeper/c.txt"], "paths")
    for path in ["dir-2/b.txt", "dir/none.txt"]:
        with refused(HttpResponseError, 403):
            service.get_file_client(name, path).download_file()


def sas_expired(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    put(file_system, "a.txt")
    expired = context.strict(system_sas(context, name, hours=-1))
    with refused(HttpResponseError, 403, "AuthenticationFailed"):
        expired.get_file_client(name, "a.txt").download_file()
    with refused(HttpResponseError, 403, "AuthenticationFailed"):
        expired.get_file_client(name, "b.txt").create_file()
    forged = context.strict(
        generate_file_system_sas(context.account, name, WRONG_KEY, permission=ALL_OF_SYSTEM, expiry=in_hours(1))
    )
    with refused(HttpResponseError, 403, "AuthenticationFailed"):
        forged.get_file_client(name, "a.txt").download_file()


def sas_read_only(context: Context) -> None:
    file_system = context.file_system()
    name = file_system.file_system_name
    put(file_system, "a.txt", b"text")
    service = context.strict(system_sas(context, name, FileSystemSasPermissions(read=True)))
    client = service.get_file_client(name, "a.txt")
    equal(content(client), b"text", "content")
    attempts: list[Callable[[], Any]] = [
        lambda: client.upload_data(b"other", overwrite=True),
        lambda: client.append_data(b"more", 4, 4),
        lambda: client.delete_file(),
        lambda: service.get_file_client(name, "new.txt").create_file(),
        lambda: client.rename_file(f"{name}/b.txt"),
        lambda: list(service.get_file_system_client(name).get_paths()),
    ]
    for attempt in attempts:
        with refused(HttpResponseError, 403, "AuthorizationPermissionMismatch"):
            attempt()
    equal(names(file_system.get_paths()), ["a.txt"], "paths in the end")
    equal(content(client), b"text", "content in the end")


def sas_rename(context: Context) -> None:
    file_system, other = context.file_system(), context.file_system()
    name = file_system.file_system_name
    put(file_system, "dir/a b.bin", b"content")
    sas = system_sas(context, name)
    client = context.service(sas).get_file_client(name, "dir/a b.bin")
    before = client.get_file_properties().etag
    client.rename_file(f"{name}/by string.bin")
    in_url = DataLakeServiceClient(f"{context.endpoint}?{sas}").get_file_client(name, "by string.bin")
    in_url.rename_file(f"{name}/by url.bin")
    # Another filesystem needs a SAS of its own, which the client takes from the new name.
    client = context.service(sas).get_file_client(name, "by url.bin")
    target_sas = system_sas(context, other.file_system_name)
    client.rename_file(f"{other.file_system_name}/moved.bin?{target_sas}")
    target = other.get_file_client("moved.bin")
    equal(target.get_file_properties().etag, before, "ETag")
    equal(content(target), b"content", "content")
    equal(names(file_system.get_paths()), ["dir"], "paths in the source")
    target_name = other.file_system_name
    everywhere = context.service(account_sas(context)).get_file_client(target_name, "moved.bin")
    everywhere.rename_file(f"{target_name}/by account.bin")
    equal(names(other.get_paths()), ["by account.bin"], "paths in the target")


def bearer(context: Context) -> None:
    service, credential = context.tls_service(context.token or "")
    name = context.name()
    file_system = service.create_file_system(name)
    works(service, name)
    put(file_system, "a.bin", b"content").rename_file(f"{name}/b.bin")
    equal(names(file_system.get_paths()), ["b.bin"], "paths")
    equal(set(credential.scopes), {SCOPE}, "scopes")


def bearer_wrong(context: Context) -> None:
    name = context.file_system().file_system_name
    service, _ = context.tls_service("wrong")
    client = service.get_file_client(name, "a.txt")
    with refused(HttpResponseError, {401, 403}):
        client.create_file()
    with refused(HttpResponseError, {401, 403}):
        client.get_file_properties()


def bearer_without_tls(context: Context) -> None:
    if not context.endpoint.startswith("http://"):
        raise Skip("the endpoint has TLS")
    try:
        client = context.service(FixedToken("any")).get_file_system_client("any")
        client.exists()
    except ValueError as error:
        assert "HTTPS" in str(error), f"another error: {error}"
        return
    raise AssertionError("a token was sent without TLS")


# ---------------------------------------------------------------------------------------------------------------------
# Running them


CHECKS: list[Callable[[Context], None]] = [
    file_system_life,
    file_system_errors,
    directories,
    files_exist,
    file_properties,
    upload_small,
    upload_bytes,
    upload_stream,
    upload_overwrites,
    upload_without_overwrite,
    upload_nothing,
    appends,
    flush_at_a_wrong_position,
    write_to_a_missing_file,
    create_if_absent,
    metadata,
    download_whole,
    download_empty,
    download_ranges,
    download_large,
    download_conditions,
    list_recursive,
    list_root,
    list_directory,
    list_pages,
    list_empty,
    awkward_files,
    awkward_directories,
    awkward_renames,
    rename_within,
    rename_across,
    rename_onto,
    rename_conditions,
    rename_missing,
    rename_directory,
    delete_file,
    delete_directory,
    delete_conditions,
    lease_guards,
    lease_life,
    lease_break,
    key_forms,
    key_wrong,
    sas_of_file_system,
    sas_of_account,
    sas_of_file,
    sas_of_directory,
    sas_expired,
    sas_read_only,
    sas_rename,
    bearer,
    bearer_wrong,
    bearer_without_tls,
]


def listens(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    with socket.create_connection((parts.hostname, port), timeout=20):
        pass


def run(check: Callable[[Context], None], context: Context) -> tuple[str, str]:
    """How a check went, and why."""
    try:
        # The client would try for minutes to reach a service that has gone.
        listens(context.endpoint)
        check(context)
    except Skip as reason:
        return "SKIP", str(reason)
    except Exception as error:  # A check may fail in any way; the others run all the same.
        frames = traceback.extract_tb(error.__traceback__)
        here = [frame.lineno for frame in frames if frame.name == check.__name__]
        line = (str(error).strip().splitlines() or [""])[0]
        if isinstance(error, HttpResponseError):
            line = f"{type(error).__name__} {error.status_code}: {line}"
        elif not isinstance(error, AssertionError):
            line = f"{type(error).__name__}: {line}"
        return "FAIL", f"line {here[0]}: {line}" if here else line
    return "PASS", ""


def secret(name: str | None, option: str) -> str | None:
    if name is None:
        return None
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{option}: the variable {name} is not set")
    return value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="http://127.0.0.1:PORT/devstoreaccount1")
    parser.add_argument("--account", required=True, help="name of the account")
    parser.add_argument("--key-env", required=True, metavar="NAME", help="variable that holds the account's key")
    parser.add_argument("--tls-endpoint", help="https://127.0.0.1:PORT/devstoreaccount1")
    parser.add_argument("--ca", metavar="FILE", help="certificate that vouches for the TLS endpoint")
    parser.add_argument("--token-env", metavar="NAME", help="variable that holds a good bearer token")
    parser.add_argument("--only", metavar="WORD", default="", help="only the checks whose names have this word")
    parser.add_argument("--no-skip", action="store_true", help="a check that cannot run counts as failed")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    context = Context(
        endpoint=options.endpoint.rstrip("/"),
        account=options.account,
        key=secret(options.key_env, "--key-env") or "",
        tls_endpoint=options.tls_endpoint,
        ca=options.ca,
        token=secret(options.token_env, "--token-env"),
    )
    checks = [check for check in CHECKS if options.only in check.__name__]
    rows = []
    for check in checks:
        started = time.monotonic()
        outcome, why = run(check, context)
        rows.append((outcome, check.__name__, time.monotonic() - started, why))
        print(f"{outcome} {check.__name__}", flush=True)
    service = context.strict()
    for name in context.made:
        try:
            service.delete_file_system(name)
        except AzureError:
            pass  # Not every check leaves its filesystem behind.

    width = max((len(name) for _, name, _, _ in rows), default=0)
    print()
    for outcome, name, seconds, why in rows:
        print(f"{outcome}  {name:<{width}}  {seconds:6.2f} s  {why}".rstrip())
    count = {word: sum(row[0] == word for row in rows) for word in ["PASS", "FAIL", "SKIP"]}
    print(f"{count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped")
    failed = count["FAIL"] + (count["SKIP"] if options.no_skip else 0)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
