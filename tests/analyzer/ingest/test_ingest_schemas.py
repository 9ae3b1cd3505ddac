"""Schemas that the user names: descriptor sets, `.proto` files, folders, and files that are neither."""
from __future__ import annotations

import os
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


@needs_protoc
@pytest.mark.parametrize("module", ["struct", "runpy", "importlib", "grpc_tools", "encodings"])
def test_no_module_of_the_current_folder_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    (tmp_path / "shop.proto").write_text(PROTO)
    (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    provided = Provided()
    assert add_schema("shop.proto", provided) == []
    assert decoded_with(provided).startswith("shop.v1.Item")
    assert not (tmp_path / "was-run").exists()


@needs_protoc
@pytest.mark.parametrize("name", ["@x.proto", "-x.proto", "--plugin=protoc-gen-x=y.proto", "a=b:c,d.proto", " .proto"])
@pytest.mark.parametrize("folder", ["plain", "-I.", "@there", "two:names", "a=b", "π ’"])
def test_names_are_names_and_never_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    here = tmp_path / folder
    here.mkdir()
    (here / name).write_text(PROTO)
    for place, path in ((here, "."), (here, name), (tmp_path, folder), (tmp_path, str(here / name))):
        monkeypatch.chdir(place)
        provided = Provided()
        assert add_schema(path, provided) == []
        assert decoded_with(provided).startswith("shop.v1.Item")


@needs_protoc
def test_a_file_of_arguments_is_a_schema_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`@args.proto` means the arguments that `args.proto` lists; one of them names a program to run."""
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path / 'was-run'}\n")
    evil.chmod(0o755)
    (tmp_path / "shop.proto").write_text(PROTO)
    (tmp_path / "args.proto").write_text(f"--plugin=protoc-gen-x={evil}\n--x_out=.\n")
    (tmp_path / "@args.proto").write_text("nothing of a schema")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnusableFile, match="protoc says"):
        add_schema(".", Provided())
    assert not (tmp_path / "was-run").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "missing"):
        with pytest.raises(UnusableFile):
            add_schema(str(path), Provided())


@pytest.mark.parametrize("name", ["schema.proto", "schema.pb"])
def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path, name: str) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    with pytest.raises(UnusableFile, match=str(pipe)):
        add_schema(str(pipe), Provided())
