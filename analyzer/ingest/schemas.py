"""Schemas of Protocol Buffers that the user names: `.proto` files, folders of them, descriptor sets.

A descriptor set is read as it is. `.proto` files are compiled to one, by the `protoc` of the package grpcio-tools where
that is installed, else by the one on the search path.

No name of a file or folder reaches protoc as it is: it would read one that begins with `-` or `@` as an option or a
list of options, and one with `:` or `=` as several folders. protoc runs in a folder of its own, where the user's folder
has the name `schemas`.
"""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from analyzer.ingest.keyfiles import UnusableFile, contents
from analyzer.programs import ProgramError, find_program, private_folder, python_module, run_program
from dissectors.kit.provided import Provided

MAX_DESCRIPTORS: Final = 1 << 26     # octets of one descriptor set
MAX_PROTO_FILES: Final = 2_000       # `.proto` files of one folder that are compiled
COMPILE_SECONDS: Final = 60

HERE: Final = "schemas"     # the name of the user's folder in that of protoc
SOURCE: Final = ".proto"
REMARK: Final = re.compile(r"[IW]\d{4} ")      # how protoc's own log begins a line that is no error
SETS: Final = (".binpb", ".desc", ".pb", ".protoset")   # the usual endings of descriptor sets


def add_schema(path: str, provided: Provided) -> list[str]:
    """Add what a file or a folder describes; returns complaints. Raises UnusableFile."""
    named = Path(path)
    complaints: list[str] = []
    if not named.is_dir():
        if named.suffix == SOURCE and named.exists() and not named.is_file():
            raise UnusableFile(f"{path}: no regular file, and protoc would wait for it")
        data = _compiled(named.parent, [named]) if named.suffix == SOURCE else _read(named)
        provided.descriptors += data
        return complaints
    files = sorted(file for file in named.rglob("*") if file.is_file())
    sources = [file for file in files if file.suffix == SOURCE]
    sets = [file for file in files if file.suffix in SETS]
    if not sources and not sets:
        raise UnusableFile(f"{path}: no .proto file and no descriptor set in it")
    if len(sources) > MAX_PROTO_FILES:
        complaints.append(f"{path}: only the first {MAX_PROTO_FILES} of {len(sources)} .proto files are read")
        sources = sources[:MAX_PROTO_FILES]
    if sources:
        provided.descriptors += _compiled(named, sources)
    for file in sets:
        provided.descriptors += _read(file)       # sets that follow one another are one set
    return complaints


def _read(path: Path) -> bytes:
    """A descriptor set, found to be one."""
    data = contents(str(path), MAX_DESCRIPTORS + 1)
    if len(data) > MAX_DESCRIPTORS:
        raise UnusableFile(f"{path}: larger than {MAX_DESCRIPTORS} bytes, too large for a descriptor set")
    try:
        from google.protobuf import descriptor_pb2, message
    except ImportError:
        raise UnusableFile(f"{path}: reading a schema needs the package protobuf") from None
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(data).file
        found = any(file.message_type or file.service for file in files)
    except message.DecodeError:
        found = False
    if not found:
        raise UnusableFile(f"{path}: neither a .proto file nor a descriptor set of Protocol Buffers")
    return data


def _compiler() -> list[str]:
    """How to call protoc; [] where there is none."""
    module = python_module("grpc_tools.protoc")
    if module:
        return module
    found = find_program("protoc")
    return [found] if found else []


def _compiled(root: Path, sources: list[Path]) -> bytes:
    """The descriptor set of these files with all that they import."""
    compiler = _compiler()
    if not compiler:
        raise UnusableFile(
            f"{root}: .proto files need protoc; install grpcio-tools, or give a descriptor set "
            "(protoc --include_imports --descriptor_set_out=FILE)"
        )
    try:
        with private_folder() as folder:
            here = _shown(root, folder)
            run = run_program(
                [
                    *compiler, f"--proto_path={here}", "--include_imports", "--descriptor_set_out=set",
                    *[os.path.join(here, source.relative_to(root)) for source in sources],
                ],
                folder, COMPILE_SECONDS,
            )
            if run.code == 0:
                return _read(Path(folder, "set"))
    except (OSError, ProgramError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnusableFile(f"{root}: protoc failed: {reason}") from None
    if run.code < 0:
        raise UnusableFile(f"{root}: protoc failed: signal {-run.code} ended it")
    lines = run.errors.decode("utf-8", "replace").strip().splitlines()
    said = [line for line in lines if "warning" not in line.lower() and not REMARK.match(line)]
    said = said or lines or ["it gave no reason"]
    raise UnusableFile(f"{root}: protoc says: {said[0][:300]}")


def _shown(root: Path, folder: str) -> str:
    """The user's folder as protoc sees it; its own absolute path where the system gives us no link."""
    whole = os.path.abspath(root)
    try:
        os.symlink(whole, os.path.join(folder, HERE))
    except OSError:
        return whole
    return HERE
