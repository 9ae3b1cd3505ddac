"""SARIF 2.1.0 by its structure: what the standard demands of the parts that are written, and nothing beside them."""
from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import jsonschema_rs
import pytest
from test_report_formats import HOSTILE, hostile

from analyzer.explain.rules import CODES, kinds
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_ending, by_name
from analyzer.report.sarif import message_text

SAMPLES = Path(__file__).parents[3] / "samples"
TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"],
        "additionalProperties": False}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
# The schema of the standard for what is written, with its own names, and closed as the standard's is.
SCHEMA = {
    "type": "object", "required": ["version", "runs", "$schema"], "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "pattern": "^https://docs.oasis-open.org/sarif/sarif/v2.1.0/.*json$"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object", "required": ["tool", "results"], "additionalProperties": False,
            "properties": {
                "tool": {"type": "object", "required": ["driver"], "additionalProperties": False,
                         "properties": {"driver": {"$ref": "#/$defs/driver"}}},
                "invocations": {"type": "array", "items": {
                    "type": "object", "required": ["executionSuccessful"], "additionalProperties": False,
                    "properties": {
                        "executionSuccessful": {"type": "boolean"},
                        "toolExecutionNotifications": {"type": "array", "items": {
                            "type": "object", "required": ["message"], "additionalProperties": False,
                            "properties": {"level": LEVEL, "message": TEXT},
                        }},
                    },
                }},
                "artifacts": {"type": "array", "uniqueItems": True, "items": {
                    "type": "object", "additionalProperties": False, "properties": {
                        "location": {"$ref": "#/$defs/artifactLocation"},
                        "roles": {"type": "array", "items": {"const": "analysisTarget"}},
                    },
                }},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                "properties": {"type": "object"},
            },
        },
        "driver": {
            "type": "object", "required": ["name", "rules"], "additionalProperties": False,
            "properties": {
                "name": {"const": "wiretale"}, "version": {"type": "string"},
                "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                "rules": {"type": "array", "uniqueItems": True, "items": {
                    "type": "object", "required": ["id"], "additionalProperties": False,
                    "properties": {
                        "id": {"type": "string"}, "name": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
                        "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT,
                        "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL},
                                                 "additionalProperties": False},
                        "properties": {"type": "object", "properties": {"tags": {
                            "type": "array", "uniqueItems": True, "items": {"type": "string"}}}},
                    },
                }},
            },
        },
        "artifactLocation": {
            "type": "object", "additionalProperties": False, "properties": {
                "uri": {"type": "string", "pattern": r"^(file:///)?[A-Za-z0-9/._~%-]+$"},
                "index": {"type": "integer", "minimum": -1},
            },
        },
        "result": {
            "type": "object", "required": ["message", "ruleId", "level", "kind", "locations"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                "kind": {"enum": ["fail", "informational"]}, "level": LEVEL, "message": TEXT,
                "locations": {"type": "array", "minItems": 1, "items": {
                    "type": "object", "additionalProperties": False, "properties": {
                        "physicalLocation": {
                            "type": "object", "required": ["artifactLocation"], "additionalProperties": False,
                            "properties": {"artifactLocation": {"$ref": "#/$defs/artifactLocation"}},
                        },
                        "logicalLocations": {"type": "array", "uniqueItems": True, "items": {
                            "type": "object", "additionalProperties": False, "properties": {
                                "name": {"type": "string"}, "kind": {"type": "string"},
                                "fullyQualifiedName": {"type": "string"},
                            },
                        }},
                    },
                }},
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
                "properties": {"type": "object"},
            },
        },
    },
}
VALID = jsonschema_rs.Draft202012Validator(SCHEMA)


def written(analysis: Analysis) -> dict:  # type: ignore[type-arg]
    form = by_name("sarif")
    assert form is not None
    made = json.loads(b"".join(form.write(analysis, Layout(kinds=kinds))))
    VALID.validate(made)
    return made["runs"][0]  # type: ignore[no-any-return]


def of(sample: str) -> dict:  # type: ignore[type-arg]
    return written(analyze([str(SAMPLES / sample / "capture.pcapng")], Options()))


@pytest.mark.parametrize("sample", [
    "http1/bad-gateway", "tcp/clean", "tls/expired-certificate", "arp/unanswered", "grpc/unary", "link/snaplen",
])
def test_results_point_to_rules_frames_and_the_capture(sample: str) -> None:
    run = of(sample)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["kind"] == "informational") is (result["level"] == "none")     # §3.27.9, §3.27.10
        place = result["locations"][0]
        named = run["artifacts"][place["physicalLocation"]["artifactLocation"]["index"]]["location"]["uri"]
        assert named == place["physicalLocation"]["artifactLocation"]["uri"]
        frames = [one["name"] for one in place["logicalLocations"] if one["kind"] == "frame"]
        assert frames == [f"frame {frame}" for frame in result["properties"]["frames"]]


def test_every_finding_there_is_has_a_rule_with_help() -> None:
    rules = of("tcp/clean")["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["tcp.refused"]["defaultConfiguration"]["level"] == "error"
    assert "Next: Check that the service runs" in by_id["tcp.refused"]["help"]["text"]
    assert len({rule["name"] for rule in rules}) == len(rules)


def test_the_verdict_the_cause_and_the_wait_are_with_the_result() -> None:
    result = of("http1/bad-gateway")["results"][0]
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("The server answered 502 Bad Gateway")
    assert result["properties"]["verdict"] == 1
    assert result["properties"]["conversation"] == 1


def test_a_fingerprint_is_that_of_what_it_is_about() -> None:
    one, same, other = (of(sample)["results"][0] for sample in ("dns/nxdomain", "dns/nxdomain", "dns/servfail"))
    assert one["partialFingerprints"] == same["partialFingerprints"] != other["partialFingerprints"]


def test_no_link_and_no_placeholder_comes_out_of_a_packet() -> None:
    run = written(hostile())
    for result in run["results"]:
        text = result["message"]["text"]
        assert not re.search(r"(?<!\\)[\[\]]", text)
        assert "\x1b" not in text
        assert "\n" not in text
    assert unquote(run["artifacts"][0]["location"]["uri"]) == HOSTILE
    assert message_text("{0} [x](javascript:y) {") == "{{0}} \\[x\\](javascript:y) {{"


def test_what_limits_the_claims_is_a_notification() -> None:
    run = of("link/snaplen")
    said = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("cut short" in text for text in said)


def test_the_ending_chooses_it() -> None:
    found = [by_ending(name) for name in ("a.sarif", "a.sarif.json", "a.json", "a.pr.md", "a.md")]
    assert [form.name for form in found if form is not None] == ["sarif", "sarif", "json", "pr", "markdown"]


def test_every_finding_says_what_it_means() -> None:
    assert [kind.code for kind in kinds() if not kind.means.endswith(".")] == []
