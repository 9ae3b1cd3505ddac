"""The one table of compiled modules. Everything else about the build stands in pyproject.toml.

They make a few libraries, which are compiled side by side: calls within one are direct, and a C compiler takes more
than twice as long for twice as much. An install takes about a minute on two cores, most of it here.

WIRETALE_PURE=1 builds without compiling, and so does a machine without a working C compiler or Python's headers: the
wheel is one for every platform, and the same files run interpreted. An extension that fails all the same is skipped
(setuptools' `optional`).
"""
from __future__ import annotations

import gc
import hashlib
import os
import sys
import sysconfig
from collections import Counter
from functools import cache
from glob import glob
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

# By library: how far the C compiler optimises, and what it holds; a module is in the first one that names it. What
# every packet passes takes no longer with these passes than with all of -O2, which take the compiler half as long again
# (at -O1 alone, `analyze` takes a quarter longer). -Og takes it half of theirs; -O0 takes a third, but with it for what
# is told, `frames` takes a fifth longer.
COMPILED = {
    "wiretale": (
        "-O1 -fstrict-aliasing -finline-functions -finline-small-functions -foptimize-sibling-calls -freorder-functions"
        " -freorder-blocks-algorithm=stc -freorder-blocks-and-partition -fcrossjumping -fcaller-saves -fipa-ra"
        " -falign-functions -falign-loops -falign-jumps",
        [
            "dissectors/kit/observation.py",
            "dissectors/kit/octets.py",
            "dissectors/protocols/tcp/end.py",
            "dissectors/protocols/tcp/flags.py",
            "dissectors/protocols/tcp/flow.py",
            "dissectors/protocols/tcp/header.py",
            "dissectors/protocols/tcp/heard.py",
            "dissectors/protocols/tcp/hops.py",
            "dissectors/protocols/tcp/limits.py",
            "dissectors/protocols/tcp/narrator.py",
            "dissectors/protocols/tcp/segment.py",
            "dissectors/protocols/tcp/sequence.py",
            "dissectors/protocols/tcp/side.py",
            "analyzer/address.py",
            "analyzer/packet.py",
            "analyzer/partition.py",
            "analyzer/ingest/pcap.py",
            "analyzer/ingest/pcapng.py",
            "analyzer/ingest/records.py",
            "analyzer/ingest/source.py",
            "analyzer/ingest/streams.py",
            "analyzer/packets/decode.py",
            "analyzer/packets/link.py",
            "analyzer/packets/network.py",
            "analyzer/packets/tags.py",
            "analyzer/packets/walk.py",
            "analyzer/flows/flow.py",
            "analyzer/flows/groups.py",
            "analyzer/flows/keep.py",
            "analyzer/flows/keys.py",
            "analyzer/flows/kinds.py",
            "analyzer/flows/names.py",
            "analyzer/flows/passes.py",
            "analyzer/flows/reassembly.py",
            "analyzer/flows/router.py",
            "analyzer/flows/shares.py",
            "analyzer/flows/streams.py",
            "analyzer/flows/summary.py",
            "analyzer/flows/table.py",
            "analyzer/flows/teller.py",
            "analyzer/flows/tracker.py",
            "analyzer/pipeline/frames.py",
            "analyzer/pipeline/survey.py",
            "analyzer/pipeline/tell.py",
            "analyzer/pipeline/text.py",
        ],
    ),
    # Loaded at each start and little else: what is said of some conversations, and what is passed once a capture, a few
    # times a connection, or now and then.
    "wiretale_events": (
        "-O0",
        [
            "dissectors/protocols/*/events*.py",
            "dissectors/protocols/tcp/handshake.py",
            "dissectors/protocols/tcp/moments.py",
            "dissectors/protocols/tcp/options.py",
            "dissectors/protocols/tcp/reset_causes.py",
            "dissectors/protocols/tcp/teardown.py",
            "dissectors/protocols/tls/secrets.py",
            "dissectors/wire/beginnings.py",
            "dissectors/wire/hpack/static.py",
            "dissectors/wire/tls/extensions.py",
            "dissectors/wire/tls/hello.py",
            "dissectors/kit/captured.py",
            "dissectors/registry.py",
            "analyzer/filter/matching.py",
            "analyzer/filter/sources.py",
            "analyzer/filter/view.py",
            "analyzer/flows/bridges.py",
            "analyzer/faults.py",
            "analyzer/flows/clock.py",
            "analyzer/flows/order.py",
            "analyzer/packets/fragments.py",
            "analyzer/packets/wlan.py",
            "analyzer/pipeline/timeline.py",
            "dissectors/kit/lookup.py",
            "dissectors/kit/marks.py",
            "dissectors/kit/allowance.py",
            "dissectors/kit/provided.py",
            "dissectors/kit/runs.py",
            "dissectors/protocols/dns/addresses.py",
            "dissectors/protocols/dns/namer.py",
            "dissectors/protocols/dns/probe.py",
            "dissectors/protocols/dns/stream.py",
            "dissectors/protocols/dns/transactions.py",
            "dissectors/protocols/http1/ssdp.py",
            "dissectors/protocols/http2/carry.py",
            "dissectors/protocols/http2/flow.py",
            "dissectors/protocols/http2/header.py",
            "dissectors/protocols/http2/meaning.py",
            "dissectors/protocols/http2/side.py",
            "dissectors/protocols/http2/states.py",
            "dissectors/protocols/http2/stream.py",
            "dissectors/protocols/tcp/states.py",
            "dissectors/wire/secrets/commands.py",
            "dissectors/wire/secrets/decoded.py",
            "dissectors/wire/secrets/named.py",
            "dissectors/wire/secrets/names.py",
        ],
    ),
    # What many frames of a told conversation pass.
    "wiretale_told": (
        "-Og",
        [
            "dissectors/kit/*.py",
            "dissectors/protocols/dns/*.py",
            "dissectors/protocols/http1/*.py",
            "dissectors/protocols/http2/*.py",
            "dissectors/protocols/quic/connection.py",
            "dissectors/protocols/quic/dissector.py",
            "dissectors/protocols/quic/frames.py",
            "dissectors/protocols/quic/observer.py",
            "dissectors/protocols/quic/ordered.py",
            "dissectors/protocols/quic/protection.py",
            "dissectors/protocols/quic/recovery.py",
            "dissectors/protocols/quic/streams.py",
            "dissectors/protocols/quic/wire.py",
            "dissectors/protocols/tcp/*.py",
            "dissectors/protocols/tls/records.py",
            "dissectors/wire/domain_names.py",
            "dissectors/wire/hpack/*.py",
            "dissectors/wire/http/body.py",
            "dissectors/wire/http/message.py",
            "dissectors/wire/varint.py",
            "dissectors/wire/secrets/*.py",
            "analyzer/ingest/live/*.py",
            "analyzer/checksums.py",
            "analyzer/many.py",
            "analyzer/packets/*.py",
            "analyzer/flows/*.py",
            "analyzer/pipeline/chosen.py",
            "analyzer/pipeline/live.py",
            "analyzer/pipeline/look.py",
            "analyzer/pipeline/places.py",
            "analyzer/pipeline/plan.py",
            "analyzer/pipeline/rest.py",
            "analyzer/pipeline/shelf.py",
            "analyzer/pipeline/timeline.py",
            "analyzer/timeline/account.py",
        ],
    ),
    "wiretale_rest": ("-O0", ["dissectors/**/*.py", "analyzer/ingest/*.py"]),
}
# Interpreted all the same: what is passed once a connection, or where something is looked up, would be a fifth of the C
# code and is under one percent of the time.
INTERPRETED = [
    "dissectors/kit/checksums.py",
    "dissectors/kit/display_field.py",
    "dissectors/kit/filling.py",
    "dissectors/kit/identity.py",
    "dissectors/kit/stand_ins.py",
    "dissectors/kit/trace.py",
    "dissectors/protocols/*/causes.py",
    "dissectors/protocols/*/codes.py",
    "dissectors/protocols/*/display_fields.py",
    "dissectors/protocols/*/disguise.py",
    "dissectors/protocols/*/ended.py",
    "dissectors/protocols/*/identity.py",
    "dissectors/protocols/*/phases.py",
    "dissectors/protocols/*/rules.py",
    "dissectors/protocols/*/terms.py",
    "dissectors/protocols/dhcp/*.py",
    "dissectors/protocols/dhcpv6/*.py",
    "dissectors/protocols/dns/describe.py",
    "dissectors/protocols/dns/edns.py",
    "dissectors/protocols/dns/lookup*.py",
    "dissectors/protocols/dns/outcome.py",
    "dissectors/protocols/dns/over_quic.py",
    "dissectors/protocols/dns/rdata_*.py",
    "dissectors/protocols/dns/svcb.py",
    "dissectors/protocols/grpc/events.py",
    "dissectors/protocols/grpc/protocol.py",
    "dissectors/protocols/grpc/schema.py",
    "dissectors/protocols/http2/events_*.py",
    "dissectors/protocols/http2/protocol.py",
    "dissectors/protocols/icmp.py",
    "dissectors/protocols/http3/dissector.py",
    "dissectors/protocols/http3/events_control.py",
    "dissectors/protocols/http3/messages.py",
    "dissectors/protocols/http3/protocol.py",
    "dissectors/protocols/http3/stream.py",
    "dissectors/protocols/nbns.py",
    "dissectors/protocols/ntp.py",
    "dissectors/protocols/quic/events*.py",
    "dissectors/protocols/quic/handshake.py",
    "dissectors/protocols/quic/index.py",
    "dissectors/protocols/quic/parameters.py",
    "dissectors/protocols/quic/paths.py",
    "dissectors/protocols/quic/protocol.py",
    "dissectors/protocols/quic/trace.py",
    "dissectors/protocols/quic/versions.py",
    "dissectors/protocols/radius.py",
    "dissectors/protocols/sip.py",
    "dissectors/protocols/snmp.py",
    "dissectors/protocols/sse/events.py",
    "dissectors/protocols/sse/protocol.py",
    "dissectors/protocols/starttls/*.py",
    "dissectors/protocols/tcp/bbr.py",
    "dissectors/protocols/tcp/early_exit.py",
    "dissectors/protocols/tcp/events_answers.py",
    "dissectors/protocols/tcp/events_congestion.py",
    "dissectors/protocols/tcp/events_holes.py",
    "dissectors/protocols/tcp/events_hops.py",
    "dissectors/protocols/tcp/events_loss.py",
    "dissectors/protocols/tcp/events_windows.py",
    "dissectors/protocols/tcp/protocol.py",
    "dissectors/protocols/tls/events*.py",
    "dissectors/protocols/tls/plain.py",
    "dissectors/protocols/tls/protocol.py",
    "dissectors/protocols/tls/summary.py",
    "dissectors/protocols/websocket/events*.py",
    "dissectors/protocols/websocket/probe.py",
    "dissectors/protocols/websocket/protocol.py",
    "dissectors/wire/dns_*.py",
    "dissectors/wire/http/auth.py",
    "dissectors/wire/http/caching.py",
    "dissectors/wire/http/cookies.py",
    "dissectors/wire/http/describe.py",
    "dissectors/wire/http/graphql.py",
    "dissectors/wire/http/identity.py",
    "dissectors/wire/http/methods.py",
    "dissectors/wire/http/playlist.py",
    "dissectors/wire/http/priority.py",
    "dissectors/wire/http/status.py",
    "dissectors/wire/preview.py",
    "dissectors/wire/qpack/static.py",
    "dissectors/wire/secrets/marked.py",
    "dissectors/wire/tls/ciphers.py",
    "dissectors/wire/tls/fingerprint.py",
    "dissectors/wire/tls/mac.py",
    "dissectors/wire/tls/names.py",
    "dissectors/wire/tls/premaster.py",
    "dissectors/wire/tls/schedule.py",
    "dissectors/wire/tls/suites.py",
    "dissectors/wire/x509/*.py",
    "analyzer/flows/parcel.py",
    "analyzer/ingest/annotated.py",
    "analyzer/ingest/key*.py",
    "analyzer/ingest/link_names.py",
    "analyzer/ingest/live/caller.py",
    "analyzer/ingest/live/capture_filter.py",
    "analyzer/ingest/live/interfaces.py",
    "analyzer/ingest/live/links.py",
    "analyzer/ingest/live/open.py",
    "analyzer/ingest/live/outputs.py",
    "analyzer/ingest/live/privileges.py",
    "analyzer/ingest/live/processes.py",
    "analyzer/ingest/live/rights.py",
    "analyzer/ingest/live/scapy_sockets.py",
    "analyzer/ingest/open.py",
    "analyzer/ingest/schemas.py",
    "analyzer/packets/names.py",
    "analyzer/packets/rare.py",
    "analyzer/pipeline/copies.py",
]
EFFORT = {"-O0": 2, "-Og": 3, "-O1": 8}     # of the C compiler for an octet of C code, measured, to compare
UNCACHED = ["--cache-dir", os.devnull]     # what mypy would note for a next run takes a second to write
JOBS = os.cpu_count() or 1    # files compiled at once: twice as many take a tenth longer, in each other's way
# Nothing of a library is called by name from outside, so calls within it need no detour; measured: 5 % of `analyze`.
DIRECT = ["-fvisibility=hidden", "-fno-plt"]
NOT_UNWOUND = ["-fno-asynchronous-unwind-tables"]   # C code throws nothing; they take a twentieth of what -Og takes
UNCHECKED = ["-Wno-all"]    # Python's own flags hold -Wall, which triples the time that generated code takes
# Each module has a file of its own, whose one function finds it in its library. It calls a few functions of the stable
# ABI; to read all of Python.h for them, and to start a compiler more than 200 times, would take a sixth of the build.
# So some of them make one file, of which each module has a copy.
TOGETHER = 12
PYTHON_H = "#include <Python.h>"
STABLE_ABI = """
typedef struct _object PyObject;
#define NULL ((void *)0)
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *
#define Py_DECREF Py_DecRef
void Py_DecRef(PyObject *);
void PyErr_Clear(void);
PyObject *Py_BuildValue(const char *, ...);
PyObject *PyImport_ImportModuleLevel(const char *, PyObject *, PyObject *, PyObject *, int);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
void *PyCapsule_GetPointer(PyObject *, const char *);
"""
FOR_DISTUTILS = "PyMODINIT_FUNC PyInit___init__("    # a second name of each, for another compiler
UNCOMPILED = {"egg_info", "dist_info", "sdist"}    # commands that need no compiled module, and would wait for the types


def files(patterns: list[str]) -> set[str]:
    return {path for pattern in patterns for path in glob(pattern, recursive=True)}


def libraries() -> list[tuple[list[str], str]]:
    """(paths, name) of each library; a module is in the first one that names it."""
    taken = files(INTERPRETED)
    found = []
    for name, (_level, patterns) in COMPILED.items():
        paths = files(patterns) - taken
        taken |= paths
        found.append((sorted(path for path in paths if not path.endswith("__init__.py")), name))
    return found


def compiles() -> bool:
    """Whether a C compiler and Python's headers are at hand: to write C code for nothing takes long."""
    from distutils.ccompiler import new_compiler
    from distutils.errors import CCompilerError, DistutilsError
    from distutils.sysconfig import customize_compiler

    compiler = new_compiler()
    customize_compiler(compiler)
    with TemporaryDirectory() as folder:
        source = Path(folder, "works.c")
        source.write_text(f"{PYTHON_H}\n")
        try:
            compiler.compile([str(source)], output_dir=folder, include_dirs=[sysconfig.get_path("include")])
        except (CCompilerError, DistutilsError):
            return False
    return True


def extensions() -> list[Extension]:
    if os.environ.get("WIRETALE_PURE") or not UNCOMPILED.isdisjoint(sys.argv):
        return []
    if not compiles():
        print("no C compiler with Python's headers works: nothing is compiled, everything runs interpreted", flush=True)
        return []
    from mypyc.build import mypycify

    groups = libraries()
    print(f"compiling {sum(len(paths) for paths, _name in groups)} modules, about a minute on two cores", flush=True)
    paths = [path for of_one, _name in groups for path in of_one]
    found: list[Extension] = mypycify([*UNCACHED, *paths], opt_level="3", debug_level="0", separate=groups)
    gc.freeze()    # the types of all modules; to take them apart at the end takes as long as to find them
    for extension in found:
        extension.optional = True
        library, shared, _rest = extension.name.partition("__mypyc")
        if shared:
            flags = [*COMPILED[library][0].split(), *DIRECT, *NOT_UNWOUND, *UNCHECKED]
            given = extension.extra_compile_args
            extension.extra_compile_args = [one for flag in given for one in (flags if flag == "-O3" else [flag])]
    if os.name == "posix" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
        join([extension for extension in found if "__mypyc" not in extension.name])
    found.sort(key=_effort, reverse=True)     # what takes longest goes first, so that no core waits for it at the end
    return found


def join(finders: list[Extension]) -> None:
    """Lets one file hold the functions of several modules: `original` is the one that is compiled, for the others.

    They are named after the last part of a module's name, so no two modules that share it may meet.
    """
    finders.sort(key=_leaf)
    same = max(Counter(map(_leaf, finders)).values())
    batches = max(same, -(-len(finders) // TOGETHER))
    for first in range(batches):
        original, *others = finders[first::batches]
        sources = [Path(source) for one in (original, *others) for source in one.sources]
        functions = [source.read_text().replace(PYTHON_H, "").partition(FOR_DISTUTILS)[0] for source in sources]
        sources[0].write_text(STABLE_ABI + "".join(functions))
        for one in others:
            one.original = original


def _leaf(extension: Extension) -> str:
    return extension.name.rpartition(".")[2]


def _effort(extension: Extension) -> int:
    """About how long the C compiler takes, to compare."""
    octets = sum(os.path.getsize(source) for source in extension.sources)
    library, shared, _rest = extension.name.partition("__mypyc")
    return octets * EFFORT[COMPILED[library][0].split()[0]] if shared else octets


@cache
def inputs() -> str:
    """A digest of everything that the libraries are made from."""
    digest = hashlib.sha256(f"{sys.version} {version('mypy')}".encode())
    for paths, _name in libraries():
        for path in paths:
            digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


class BuildWhatChanged(build_ext):
    """Compiles again only where a source, this file or a tool is another than at the last build in this folder.

    setuptools goes by the time of files, and those of mypyc's runtime are new in each isolated build.
    """

    def run(self) -> None:
        wanted = {Path(self.build_lib) / self.get_ext_filename(one.name) for one in self.extensions}
        for path in Path(self.build_lib).rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
            if path not in wanted:     # of a module that is gone or interpreted now; Python would prefer it
                path.unlink()
        super().run()

    def build_extensions(self) -> None:
        wanted = self.extensions
        self.extensions = [one for one in wanted if not hasattr(one, "original")]
        super().build_extensions()
        self.extensions = wanted
        for one in wanted:
            made = Path(self.get_ext_fullpath(one.original.name)) if hasattr(one, "original") else None
            if made and made.is_file():      # an optional one may have failed
                target = self.get_ext_fullpath(one.name)
                self.mkpath(os.path.dirname(target))
                self.copy_file(str(made), target)

    def build_extension(self, ext: Extension) -> None:
        digest = inputs()
        note = Path(self.build_temp) / f"{ext.name}.sha256"
        made = Path(self.get_ext_fullpath(ext.name))
        if made.is_file() and note.is_file() and note.read_text() == digest:
            return
        super().build_extension(ext)
        if made.is_file():     # an optional one may have failed
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(digest)


class BuildWithSamples(build_py):
    """Ships the samples inside the package, as `analyzer/samples/<protocol>/<case>/`."""

    def run(self) -> None:
        if not self.editable_mode:
            for path in Path(self.build_lib).rglob("*.py"):     # of an earlier build; a module may be gone
                path.unlink()
        super().run()
        if self.editable_mode:     # a checkout has them beside the package
            return
        for capture in Path("samples").glob("*/*/capture.pcapng"):
            target = Path(self.build_lib) / "analyzer" / capture.parent
            self.mkpath(str(target))
            for name in ("capture.pcapng", "README.md"):
                self.copy_file(str(capture.parent / name), str(target / name))


setup(
    ext_modules=extensions(), cmdclass={"build_py": BuildWithSamples, "build_ext": BuildWhatChanged},
    options={"build_ext": {"parallel": JOBS}},
)
