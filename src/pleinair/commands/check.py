"""``pleinair verify``: where a file says that it comes from, and whether to believe it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.media.manifest import Report

SAID = {
    "valid": "signed by {signer}, which is known here, and unchanged since",
    "unknown": "unchanged since {signer} signed it, but nobody here knows that certificate",
    "tampered": "changed since it was signed, or its manifest is broken",
    "none": "there is no manifest: nothing is known of where it comes from",
}


def verify(
    file: Annotated[Path, typer.Argument(help="A video or picture.")],
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Also believe this chain of certificates, PEM; may be said again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check who signed a file and what it was made from; exit code 1 unless it is valid."""
    from pleinair.media import certificate, manifest

    roots = certificate.operators_root(Settings.read(), ServiceSettings.read().home)
    for path in trust or ():
        roots += certificate.read_root(path)
    report = manifest.verify(file, roots)
    if as_json:
        print(json.dumps({"file": str(file), **report.as_dict()}))
    else:
        _tell(report)
    if report.standing != manifest.VALID:
        raise typer.Exit(1)


def _tell(report: "Report") -> None:
    print(f"{report.standing:10} {SAID[report.standing].format(signer=report.signer)}")
    for code in report.reasons:
        print(f"{'because':10} {code}")
    if report.signer:
        _tell_origin(report, "")


def _tell_origin(report: "Report", indent: str) -> None:
    """What a manifest says, and below it, further in, what those say that it was made from."""
    rows = {
        "source": report.source_type.rpartition("/")[2],
        "model": f"{report.model}, seed {report.seed}" if report.model else "",
        "software": report.software,
        "date": report.date,
        "request": report.request,
    }
    for name, value in rows.items():
        if value:
            print(f"{indent}{name:10} {value}")
    for source in report.sources:
        print(f"{indent}{'made from':10} {source.title}: {source.standing}")
        if source.made:
            _tell_origin(source.made, indent + "  ")
