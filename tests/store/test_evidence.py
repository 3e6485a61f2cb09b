"""Evidence in both stores: kept once, verified, computed again; what is changed afterwards is found."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from onemap.app import desk_of, load_instance
from onemap.catalog import load_codes
from onemap.cli.commands import application
from onemap.config import shipped
from onemap.errors import ConfigError, InvalidBody, Unavailable
from onemap.processes import built_in
from onemap.processes.catalogues import load_rules
from onemap.processes.evidence import Evidence, EvidenceStore, Notary
from onemap.processes.evidence.model import PAYLOAD_TYPE, canonical
from onemap.processes.evidence.postgres import PostgresEvidence
from onemap.processes.evidence.sqlite import SqliteEvidence
from onemap.processes.evidence.statement import identifier, result_bytes
from onemap.processes.evidence.verify import Finding, rerun, result_finding, signature_findings, signed
from onemap.processes.execute import parse_execution, perform
from onemap.processes.model import Context
from onemap.security import identify
from onemap.security.signing import Ed25519Signer, signer_from, verifies
from tests.conftest import ROOT, settings_of

SQUARE = {"type": "Polygon", "coordinates": [[[114.30, 30.50], [114.31, 30.50], [114.31, 30.51], [114.30, 30.50]]]}
"""Outside the demo province: enough where the data do not matter."""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> EvidenceStore:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return SqliteEvidence(tmp_path / "deep" / "evidence.sqlite", 10_000)
    return PostgresEvidence(settings_of(request.getfixturevalue("cluster").fresh()), 10_000)


@pytest.fixture
def signer(tmp_path: Path) -> Ed25519Signer:
    return signer_from(tmp_path / "keys" / "signing.key")


@dataclass
class Place:
    """An instance of its own, with its data in a folder that may be changed."""

    data: Path
    parcels: Path

    def context(self) -> Context:
        instance = load_instance(ROOT, "business", self.data)
        codes = load_codes(shipped("codes"))
        return Context(instance.gate, identify(), instance.settings, codes, desk=desk_of(instance))

    @property
    def road(self) -> dict[str, Any]:
        """A road through the province."""
        found: dict[str, Any] = json.loads(self.parcels.read_text(encoding="utf-8"))
        return found

    def ask(self, inputs: dict[str, Any] | None = None) -> tuple[Evidence, bytes]:
        """Run a breakdown and return its evidence and the bytes of its result."""
        context = self.context()
        body = json.dumps({"inputs": inputs or {"parcels": self.road}}).encode()
        execution = parse_execution(built_in().get("landuse-breakdown"), body, "application/json")
        done = perform(execution, context)
        notary = self.notary(context)
        found = notary.store.get(done.evidence or "")
        assert found is not None
        return found, result_bytes(done.values["result"])

    def notary(self, context: Context | None = None) -> Notary:
        notary = (context or self.context()).desk.notary
        assert notary is not None
        return notary

    def again(self, evidence: Evidence) -> list[Finding]:
        context = self.context()
        question = self.notary(context).store.question(evidence.id)
        return list(rerun(evidence, question, built_in(), context))


@pytest.fixture
def place(data: Path, tmp_path: Path) -> Place:
    folder = tmp_path / "data" / "demo"
    folder.mkdir(parents=True)
    shutil.copy(data / "demo" / "province.gpkg", folder)
    return Place(tmp_path / "data", data / "demo" / "parcels" / "e_road.geojson")


def made(signer: Ed25519Signer, number: int, **more: Any) -> Evidence:
    payload = canonical({"id": f"id{number}", "number": number, **more})
    signature = signer.sign("application/vnd.onemap.evidence+json", payload)
    return Evidence(f"id{number}", payload, signer.key["kid"], signature)


def test_a_store_keeps_the_first_under_an_id(store: EvidenceStore, signer: Ed25519Signer) -> None:
    assert store.get("id1") is None
    assert store.question("id1") is None
    assert store.public_keys() == []
    first, other = made(signer, 1), made(signer, 1, later=True)
    assert store.add(first, signer.key, b"asked") == first
    assert store.add(other, signer.key, b"asked differently") == first
    assert store.get("id1") == first
    assert store.question("id1") == b"asked"
    assert store.public_keys() == [dict(signer.key)]
    assert store.get("' OR 1=1 --") is None


def test_old_questions_go_and_records_stay(store: EvidenceStore, signer: Ed25519Signer) -> None:
    for number in range(48):
        store.add(made(signer, number), signer.key, os.urandom(1_000))
    kept = [number for number in range(48) if store.question(f"id{number}") is not None]
    assert kept == list(range(kept[0], 48))
    assert 5 <= len(kept) <= 10 + 15
    assert all(store.get(f"id{number}") for number in range(48))


def test_nothing_is_kept_where_that_is_not_wanted(store: EvidenceStore, signer: Ed25519Signer) -> None:
    store.add(made(signer, 1), signer.key, None)
    assert store.question("id1") is None


def test_a_store_that_is_away_says_so(cluster: Any) -> None:
    away = PostgresEvidence(settings_of(cluster.dsn("nowhere")), 0)
    with pytest.raises(Unavailable):
        away.get("id1")


def test_a_result_is_attested_and_computed_again(place: Place) -> None:
    evidence, content = place.ask()
    keys = [place.notary().signer().key]
    assert signed(evidence, keys)
    assert result_finding(evidence, content).holds
    assert not result_finding(evidence, content + b" ").holds
    assert [(finding.what, finding.holds) for finding in place.again(evidence)] == [
        ("inputs", True), ("bytes of the result", True),
    ]  # fmt: skip
    assert place.ask()[0] == evidence
    assert "2026" not in content.decode().replace("2026-01-01", "")  # no clock in the result


def test_the_same_inputs_in_another_form_have_the_same_evidence(place: Place) -> None:
    first, _ = place.ask({"parcels": SQUARE})
    text = base64.b64encode(json.dumps(SQUARE).encode()).decode()
    inline = {"parcels": {"value": SQUARE, "mediaType": "application/geo+json"}}
    packed = {"parcels": {"value": text, "encoding": "base64", "mediaType": "application/geo+json"}}
    assert {place.ask(inline)[0].id, place.ask(packed)[0].id} == {first.id}


def test_tampering_is_found(place: Place) -> None:
    evidence, _ = place.ask()
    keys = [place.notary().signer().key]
    statement = evidence.statement
    statement["result"]["digest"] = "sha256:" + "0" * 64
    forged = replace(evidence, payload=canonical(statement))
    assert [finding.what for finding in signature_findings(forged, keys) if not finding.holds] == ["signature"]
    statement = evidence.statement
    statement["data"][0]["version"] = "another"
    forged = replace(evidence, payload=canonical(statement))
    assert {finding.what for finding in signature_findings(forged, keys) if not finding.holds} == {"signature", "id"}
    stranger = Ed25519Signer(Ed25519PrivateKey.generate())
    resigned = replace(evidence, keyid=stranger.key["kid"], signature=stranger.sign("x", evidence.payload))
    assert not signed(resigned, keys)
    assert not signed(replace(evidence, signature=evidence.signature[::-1]), keys)
    assert not signed(replace(evidence, signature=b""), keys)
    # The key of a forger under the id of the trusted one.
    fake = {**stranger.key, "kid": evidence.keyid}
    assert not verifies(fake, "application/vnd.onemap.evidence+json", evidence.payload, evidence.signature)


@pytest.mark.parametrize("said", [True, False])
def test_changed_data_are_named(place: Place, said: bool) -> None:
    """A program that changes features says so in gpkg_contents; of one that does not, only the bytes tell."""
    evidence, _ = place.ask()
    with closing(sqlite3.connect(place.data / "demo" / "province.gpkg")) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute("UPDATE dltb SET DLBM = '0301'")
        if said:
            database.execute("UPDATE gpkg_contents SET last_change = '2026-02-03T04:05:06.000Z'")
        database.commit()
    found = {finding.what: finding for finding in place.again(evidence)}
    assert not found["bytes of the result"].holds
    assert found["bytes of the result"].fatal
    assert ("nothing that the statement names" in found["bytes of the result"].detail) is not said
    if said:
        assert not found["data dltb"].fatal
        assert evidence.statement["data"][0]["version"] in found["data dltb"].detail
        assert place.ask()[0].id != evidence.id


def test_changed_thresholds_software_and_rules_are_named(place: Place) -> None:
    evidence, _ = place.ask()
    statement = evidence.statement
    statement["software"]["version"] = "0.0.1"
    statement["thresholds"]["min_area"] = 99.0
    statement["rules"] = [{"catalogue": "other", "version": "1"}]
    changed = [finding.what for finding in place.again(replace(evidence, payload=canonical(statement)))]
    assert changed == ["inputs", "rules other", "software", "thresholds", "bytes of the result"]


def asked_of_lines(context: Context) -> Evidence:
    """Return evidence of a check of lines."""
    body = json.dumps({"inputs": {"parcels": SQUARE}}).encode()
    done = perform(parse_execution(built_in().get("control-line-check"), body, "application/json"), context)
    assert context.desk.notary is not None
    found = context.desk.notary.store.get(done.evidence or "")
    assert found is not None
    return found


def by_rules(context: Context, folder: Path) -> Context:
    """Return a context with the rules of a folder laid over the shipped ones."""
    return replace(context, desk=replace(context.desk, rules=load_rules(shipped("processes"), folder)))


def test_rules_that_changed_under_the_same_version_are_named(place: Place, tmp_path: Path) -> None:
    name = "control-lines/2026-01-01.yml"
    text = (shipped("processes") / name).read_text(encoding="utf-8")
    own = tmp_path / "own" / name
    own.parent.mkdir(parents=True)
    own.write_text("# the same rules\n" + text, encoding="utf-8")
    before = asked_of_lines(place.context())
    [cited] = before.statement["rules"]
    assert cited["digest"].startswith("sha256:")
    same = by_rules(place.context(), tmp_path / "own")
    assert asked_of_lines(same) == before
    own.write_text(text.replace("en: Control-line rules", "en: Other rules"), encoding="utf-8")
    other = by_rules(place.context(), tmp_path / "own")
    after = asked_of_lines(other)
    assert after.id != before.id
    [now] = after.statement["rules"]
    assert {**now, "digest": cited["digest"]} == cited
    notary = place.notary()
    assert signed(after, notary.public_keys())
    question = notary.store.question(before.id)
    found = {finding.what: finding for finding in rerun(before, question, built_in(), other)}
    assert set(found) == {"inputs", "rules control-lines", "bytes of the result"}
    assert cited["digest"] in found["rules control-lines"].detail
    assert now["digest"] in found["rules control-lines"].detail
    assert not found["rules control-lines"].fatal
    assert found["bytes of the result"].holds, "nothing in the result comes from what changed"
    assert [finding.holds for finding in rerun(before, question, built_in(), same)] == [True, True]


def test_evidence_without_the_digest_of_rules_holds_as_before(place: Place, signer: Ed25519Signer) -> None:
    context = place.context()
    new = asked_of_lines(context)
    statement = new.statement
    for rules in statement["rules"]:
        del rules["digest"]
    statement["id"] = identifier(statement)
    payload = canonical(statement)
    old = Evidence(statement["id"], payload, signer.key["kid"], signer.sign(PAYLOAD_TYPE, payload))
    assert old.id != new.id
    assert signed(old, [signer.key])
    question = place.notary(context).store.question(new.id)
    assert [finding.holds for finding in rerun(old, question, built_in(), context)] == [True, True]


def test_inputs_that_were_exchanged_are_found(place: Place) -> None:
    evidence, _ = place.ask()
    question = place.notary().store.question(evidence.id)
    assert question is not None
    asked = json.loads(question)
    asked["inputs"]["parcels"]["value"] = SQUARE
    other = json.dumps(asked).encode()
    assert other != question
    context = place.context()
    found = {finding.what: finding.holds for finding in rerun(evidence, other, built_in(), context)}
    assert not found["inputs"]
    assert not found["bytes of the result"]
    assert [item.holds for item in rerun(evidence, None, built_in(), context)] == [False]


def test_the_command_verifies(place: Place, tmp_path: Path) -> None:
    evidence, content = place.ask()
    record, result, keys = (tmp_path / name for name in ("record.json", "result.json", "keys.json"))
    record.write_text(json.dumps({"envelope": evidence.envelope()}))
    result.write_bytes(content)
    base = ["--root", str(ROOT), "--zone", "business", "--data", str(place.data)]
    shown = CliRunner().invoke(application, ["evidence", "keys", *base])
    keys.write_text(shown.output)
    good = ["evidence", "verify", str(record), "--rerun", "--result", str(result), "--keys", str(keys), *base]
    done = CliRunner().invoke(application, good)
    assert done.exit_code == 0, done.output
    assert done.output.count("ok ") == 6
    assert CliRunner().invoke(application, ["evidence", "verify", evidence.id, *base]).exit_code == 0
    result.write_bytes(content.replace(b"0", b"1", 1))
    wrong = CliRunner().invoke(application, good)
    assert wrong.exit_code == 1
    assert "FAILED   result file" in wrong.output
    keys.write_text('{"keys": []}')
    assert "not a trusted key" in CliRunner().invoke(application, good).output
    unknown = CliRunner().invoke(application, ["evidence", "verify", "0" * 64, *base])
    assert isinstance(unknown.exception, ConfigError)


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    first, second = signer_from(path), signer_from(path)
    assert first.key == second.key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["signing.key"]
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        signer_from(path)
    path.write_text("nothing")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a private key"):
        signer_from(path)


def test_a_signature_is_of_one_type_of_payload(signer: Ed25519Signer) -> None:
    signature = signer.sign("a", b"text")
    assert verifies(signer.key, "a", b"text", signature)
    assert not verifies(signer.key, "b", b"text", signature)
    assert not verifies({**signer.key, "crv": "P-256"}, "a", b"text", signature)


@pytest.mark.parametrize("envelope", [None, [], {}, {"payload": "x"}, {"payloadType": "x", "payload": "e30=",
                                      "signatures": [{"keyid": "x", "sig": ""}]}])  # fmt: skip
def test_what_is_no_envelope_is_refused(envelope: Any) -> None:
    with pytest.raises(InvalidBody):
        Evidence.from_envelope(envelope)


def test_evidence_that_cannot_be_kept_spoils_only_a_report(place: Place) -> None:
    context = place.context()
    folder = place.data / "evidence"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("a file where a folder should be")
    body = json.dumps({"inputs": {"parcels": SQUARE}}).encode()
    execution = parse_execution(built_in().get("ellipsoid-area"), body, "application/json")
    done = perform(execution, context)
    assert done.evidence is None
    assert done.values["result"]["parcels"]["count"] == 1
    wanted = json.dumps({"inputs": {"parcels": SQUARE}, "outputs": {"report": {}}}).encode()
    with pytest.raises(Unavailable):
        perform(parse_execution(built_in().get("ellipsoid-area"), wanted, "application/json"), context)


def test_evidence_in_postgresql_is_made_by_several_at_once(cluster: Any, signer: Ed25519Signer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    dsn = cluster.fresh()
    store = PostgresEvidence(settings_of(dsn), 10_000)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda at: store.add(made(signer, at % 3), signer.key, b"x"), range(12)))
    assert {item.id for item in done} == {"id0", "id1", "id2"}
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM onemap.evidence").fetchone()
    assert row == (3,)
