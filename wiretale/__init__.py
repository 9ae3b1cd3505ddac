"""wiretale for programs: read a capture, and ask what happened.

    import wiretale

    capture = wiretale.open("download.pcapng")
    print(capture.verdict)
    for conversation in capture.conversations:
        for exchange in conversation.exchanges: ...

These names are stable; whatever they come from is not.
"""
from analyzer import __version__ as __version__
from analyzer.api.capture import Capture as Capture
from analyzer.api.capture import open as open
from analyzer.api.live import sniff as sniff
from analyzer.api.records import Booking as Booking
from analyzer.api.records import Cause as Cause
from analyzer.api.records import Conversation as Conversation
from analyzer.api.records import Endpoint as Endpoint
from analyzer.api.records import Event as Event
from analyzer.api.records import Finding as Finding
from analyzer.api.records import Phase as Phase
from analyzer.api.records import Series as Series
from analyzer.api.records import Summary as Summary
from analyzer.api.records import Verdict as Verdict
from analyzer.ingest.source import CaptureError as CaptureError
