"""Messages decoded with the user's schema: a serialised FileDescriptorSet, read by the protobuf library."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from dissectors.kit.event import JsonValue
from dissectors.wire.secrets.data import data_without_secrets


class GrpcMethod:
    """A method as the schema has it. problem: why it is not known, "" where it is."""

    def __init__(self, found: Any, problem: str) -> None:
        self.found = found
        self.problem = problem

    def pattern(self) -> tuple[bool, bool]:
        """(the client streams, the server streams)."""
        return bool(self.found.client_streaming), bool(self.found.server_streaming)

    def type_name(self, response: bool) -> str:
        """The full name of the type of its messages."""
        return str((self.found.output_type if response else self.found.input_type).full_name)


class Schema:
    """problem: why it cannot be used, "" where it can."""

    def __init__(self, descriptors: bytes) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool, message

        self.problem = ""
        self.pool: Any = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet()
        try:
            files.ParseFromString(descriptors)
            for file in files.file:
                self.pool.AddSerializedFile(file.SerializeToString())
        except (message.DecodeError, TypeError, ValueError) as error:
            self.problem = f"the descriptor set cannot be read ({str(error)[:200]})"

    def method(self, service: str, name: str) -> GrpcMethod:
        if self.problem:
            return GrpcMethod(None, self.problem)
        try:
            found = self.pool.FindServiceByName(service)
        except (KeyError, TypeError):      # TypeError: a file that it imports is not in the set
            return GrpcMethod(None, f"the service {service} is not in the descriptor set")
        method = found.methods_by_name.get(name)
        if method is None:
            return GrpcMethod(None, f"the service {service} of the descriptor set has no method {name}")
        return GrpcMethod(method, "")

    def decode(self, method: GrpcMethod, response: bool, octets: bytes, show_secrets: bool) -> tuple[JsonValue, str]:
        """(the message as data, "") or (None, why not)."""
        from google.protobuf import json_format, message, message_factory

        kind = method.found.output_type if response else method.found.input_type
        try:
            made = message_factory.GetMessageClass(kind)()
            made.ParseFromString(octets)
            value: JsonValue = json_format.MessageToDict(
                made, preserving_proto_field_name=True, descriptor_pool=self.pool
            )
        except message.DecodeError:
            return None, f"it is no {kind.full_name}"
        except (json_format.Error, TypeError, ValueError, KeyError) as error:
            return None, f"it cannot be shown as {kind.full_name} ({str(error)[:120]})"
        return (value if show_secrets else data_without_secrets(value)), ""


@lru_cache(maxsize=2)
def schema_of(descriptors: bytes) -> Schema:
    """Building one takes milliseconds, and a connection has thousands of calls."""
    return Schema(descriptors)
