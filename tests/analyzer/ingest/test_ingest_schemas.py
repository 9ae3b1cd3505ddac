"""Schemas that the user names: descriptor sets, `.proto` files, folders, and files that are neither."""
from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from grpc_wire import CLIENT, Exchange, descriptors, message, number, octets

from analyzer.ingest.keyfiles import UnusableFile
from analyzer.ingest.schemas import add_schema
from dissectors.kit.provided import Provided
from dissectors.protocols.grpc.events import GrpcMessage

PROTO = """syntax = "proto3";
package shop.v1;
message Item { string name = 1; int32 count = 2; }
service Shop { rpc Get (Item) returns (Item); }
"""
needs_protoc = pytest.mark.skipif(
    find_spec("grpc_tools") is None and shutil.which("protoc") is None, reason="no protoc here"
)


def decoded_with(provided: Provided) -> str:
    call = Exchange(schema=provided.descriptors)
    call.send(CLIENT, message(octets(1, b"pen") + number(2, 3)))
    return call.of(GrpcMessage)[0].content.short()


def test_a_descriptor_set_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(descriptors())
    for path in (tmp_path / "shop.binpb", tmp_path):
        provided = Provided()
        assert add_schema(str(path), provided) == []
        assert decoded_with(provided) == 'shop.v1.Item {"name": "pen", "count": 3}'


@needs_protoc
def test_proto_files_are_compiled(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "shop.proto").write_text(PROTO)
    (tmp_path / "other.proto").write_text(
        'syntax = "proto3"; import "inner/shop.proto"; message Box { shop.v1.Item item = 1; }'
    )
    for path in (tmp_path, tmp_path / "inner" / "shop.proto"):
        provided = Provided()
        add_schema(str(path), provided)
        assert decoded_with(provided).startswith("shop.v1.Item")


@needs_protoc
def test_what_protoc_does_not_like_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.proto").write_text("message {")
    with pytest.raises(UnusableFile, match=r"bad\.proto"):
        add_schema(str(tmp_path), Provided())


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "missing"):
        with pytest.raises(UnusableFile):
            add_schema(str(path), Provided())
