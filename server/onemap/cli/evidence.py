"""The commands about evidence: ``onemap evidence verify`` and ``onemap evidence keys``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from onemap.app import Instance, desk_of, load_instance
from onemap.catalog import load_codes
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.stores import named_stores
from onemap.config import shipped
from onemap.errors import ConfigError, OneMapError
from onemap.processes import available
from onemap.processes.desk import Desk
from onemap.processes.evidence import Evidence, Notary
from onemap.processes.evidence.verify import Finding, rerun, result_finding, signature_findings
from onemap.processes.model import Context
from onemap.security import identify
from onemap.security.signing import Jwk

evidence = typer.Typer(no_args_is_help=True, help="Signed records of results.")


@evidence.command("verify")
def evidence_verify(
    record: Annotated[str, typer.Argument(help="Id of evidence, or the file of a record (/evidence/{id}?f=json).")],
    again: Annotated[bool, typer.Option("--rerun", help="Compute the result again and compare the bytes.")] = False,
    result: Annotated[Path | None, typer.Option(help="A file with the result, whose digest is compared.")] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Trusted keys (/evidence/keys); default: those of the instance.")
    ] = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Check a record's signature; with --rerun name what has changed and whether the bytes are the same.

    Exit status 1 when the signature does not hold or the bytes differ.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    desk = desk_of(instance)
    notary = _notary(desk)
    found = _record(record, notary)
    findings = list(signature_findings(found, _trusted(keys, notary)))
    if result is not None:
        findings.append(result_finding(found, result.read_bytes()))
    if again:
        findings += _again(found, instance, desk, notary)
    for finding in findings:
        typer.echo(_line(finding))
    if any(finding.fatal and not finding.holds for finding in findings):
        raise typer.Exit(1)


@evidence.command("keys")
def evidence_keys(
    root: RootOption = Path(), zone: ZoneOption = None, data: DataOption = None, store: StoresOption = None
) -> None:
    """Print the public keys as a JSON Web Key set, to be kept by those who verify."""
    notary = _notary(desk_of(load_instance(root, zone, data, named_stores(store or ()))))
    typer.echo(json.dumps({"keys": [dict(key) for key in notary.public_keys()]}, indent=2))


def _notary(desk: Desk) -> Notary:
    if desk.notary is None:
        raise ConfigError("Results are not attested here.", "evidence: {enabled: true}")
    return desk.notary


def _record(text: str, notary: Notary) -> Evidence:
    """Return the record with this id or in this file. Raises ConfigError when there is none."""
    path = Path(text)
    if path.is_file():
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise ConfigError(f"{path} is not JSON.") from None
        return Evidence.from_envelope(found.get("envelope", found) if isinstance(found, dict) else found)
    kept = notary.store.get(text.rsplit("/", 1)[-1])
    if kept is None:
        raise ConfigError(f"There is no evidence '{text}' here.", "Give the file of a record instead.")
    return kept


def _trusted(path: Path | None, notary: Notary) -> Sequence[Jwk]:
    if path is None:
        return notary.public_keys()
    try:
        keys: list[Jwk] = json.loads(path.read_text(encoding="utf-8"))["keys"]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is not a JSON Web Key set.") from None
    return keys


def _again(found: Evidence, instance: Instance, desk: Desk, notary: Notary) -> list[Finding]:
    codes = load_codes(shipped("codes"))
    context = Context(instance.gate, identify(), instance.settings, codes, desk=desk)
    try:
        return list(rerun(found, notary.store.question(found.id), available(instance.settings), context))
    except OneMapError as error:
        return [Finding("re-run", False, error.detail)]


def _line(finding: Finding) -> str:
    word = "ok" if finding.holds else "FAILED" if finding.fatal else "changed"
    return f"{word:8} {finding.what}" + (f": {finding.detail}" if finding.detail else "")
