"""Reports, tables and pieces of analyses over the demo province, and the evidence of their results."""

from __future__ import annotations

import hashlib
import io
import json
import math
import sqlite3
import time
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from starlette.testclient import TestClient

from onemap.app import desk_of, load_instance
from onemap.catalog import load_codes
from onemap.config import shipped
from onemap.errors import Unavailable
from onemap.geo.area import measure_for
from onemap.processes import built_in
from onemap.processes.inputs import bind
from onemap.processes.model import Context
from onemap.security import identify
from tests.api.test_processes import post, run, sample
from tests.conftest import ROOT, application
from tests.workbooks import Reckoned

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GPKG = "application/geopackage+sqlite3"


def output(client: TestClient, process: str, parcels: Any, name: str, media_type: str = "", **more: Any) -> bytes:
    wanted = {name: {"format": {"mediaType": media_type}} if media_type else {}}
    lang = more.pop("lang", "zh")
    response = client.post(
        f"/processes/{process}/execution?lang={lang}", json={"inputs": {"parcels": parcels, **more}, "outputs": wanted}
    )
    assert response.status_code == 200, response.text
    return response.content


def fonts_of(reader: PdfReader) -> dict[str, bool]:
    """The fonts of a document and whether each is embedded."""
    found: dict[str, bool] = {}
    for page in reader.pages:
        for font in page["/Resources"].get_object().get("/Font", {}).values():
            below = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = below["/FontDescriptor"].get_object()
            found[str(below["/BaseFont"])] = "/FontFile2" in descriptor or "/FontFile3" in descriptor
    return found


def text_of(content: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    return "".join("".join(pages).split()).replace("\u200b", "")


def test_the_report_of_control_lines_says_what_the_result_says(client: TestClient, data: Path) -> None:
    parcels = sample(data, "a_")
    result = run(client, "control-line-check", parcels)
    content = output(client, "control-line-check", parcels, "report")
    reader, said = PdfReader(io.BytesIO(content)), text_of(content)
    assert len(reader.pages) >= 4
    assert fonts_of(reader)
    assert all(fonts_of(reader).values())
    assert all("NotoSansSC" in name for name in fonts_of(reader))
    for words in ("控制线检查", "涉及，禁止", "位置图", "数据现势性", "面积定义", "永久基本农田", "城郊示例地块"):
        assert words in said
    assert result["parcels"]["digest"] in said
    for layer in result["layers"]:
        assert layer["title"].replace(" ", "") in said
        for hit in layer["hits"]:
            assert f"{hit['areaRounded']:,.2f}" in said
    assert all(entry["version"] in said for entry in result["data"])


def test_a_report_is_the_same_every_time_and_has_no_date(client: TestClient, data: Path) -> None:
    first, second = (output(client, "landuse-breakdown", sample(data, "e_"), "report") for _ in range(2))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    reader = PdfReader(io.BytesIO(first))
    assert reader.metadata is not None
    assert not {"/CreationDate", "/ModDate"} & reader.metadata.keys()
    assert reader.root_object["/MarkInfo"]["/Marked"]  # tagged: it can be read aloud


def test_a_report_in_english(client: TestClient, data: Path) -> None:
    said = text_of(output(client, "landuse-breakdown", sample(data, "b_"), "report", lang="en"))
    for words in ("Land-usebreakdown", "Threegroups", "Datacurrency", "Page1of"):
        assert words in said


def test_every_process_of_parcels_has_all_outputs(client: TestClient, data: Path) -> None:
    parcels = sample(data, "a_")
    for process in built_in():
        if "parcels" not in process.model_fields:
            continue
        assert {item.id for item in process.outputs} >= {"result", "report", "table", "pieces"}
        assert [item.id for item in process.outputs if item.default] == ["result"]
        content = output(client, process.id, parcels, "table")
        assert len(load_workbook(io.BytesIO(content)).sheetnames) >= 2


def test_the_table_closes_and_agrees_with_the_result(client: TestClient, data: Path) -> None:
    for begin in ("a_", "e_"):
        parcels = sample(data, begin)
        result = run(client, "landuse-breakdown", parcels)
        book = Reckoned(output(client, "landuse-breakdown", parcels, "table"))
        sheet = book.sheet("地类面积")
        rows = len(result["classes"]) + (1 if result["remainder"]["area"] else 0)
        assert sheet[f"E{rows + 2}"] == pytest.approx(round(result["parcels"]["area"], 2), abs=1e-6)
        assert sheet[f"E{rows + 4}"] == 0.0
        assert sheet[f"F{rows + 4}"] == "闭合"
        assert sheet[f"F{rows + 6}"] == 0.0
        shares = math.fsum(sheet[f"H{at}"] for at in range(2, rows + 2))
        assert shares == pytest.approx(1.0, abs=1e-6)
        assert book.sheet("项目概况")["A1"] == "土地利用现状分析"


def test_the_same_inputs_give_the_same_workbook(client: TestClient, data: Path) -> None:
    first, second = (output(client, "control-line-check", sample(data, "a_"), "table") for _ in range(2))
    assert first == second


def test_pieces_sum_to_the_result(client: TestClient, data: Path, tmp_path: Path) -> None:
    parcels = sample(data, "e_")
    result = run(client, "control-line-check", parcels)
    path = tmp_path / "pieces.gpkg"
    path.write_bytes(output(client, "control-line-check", parcels, "pieces"))
    layers = {name for name, _ in pyogrio.list_layers(path)}
    touched = {item["collection"]: item for item in result["layers"] if item["hits"]}
    assert layers == {"parcels", *touched}
    for name, item in touched.items():
        frame = pyogrio.read_dataframe(path, layer=name)
        assert math.fsum(frame["piece_area_m2"]) == pytest.approx(item["area"], rel=1e-9)
        drawn = measure_for(frame.crs.to_epsg()).areas(frame.geometry.to_numpy())
        assert drawn.tolist() == pytest.approx(frame["piece_area_m2"].tolist(), rel=1e-6, abs=1e-3)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert {row[0] for row in database.execute("SELECT last_change FROM gpkg_contents")} == {
            "1970-01-01T00:00:00.000Z"
        }


@pytest.mark.parametrize(("media_type", "encoding"), [("application/zip", "UTF-8"),
                                                      ("application/zip; charset=gbk", "GBK")])  # fmt: skip
def test_pieces_as_shapefiles(client: TestClient, data: Path, tmp_path: Path, media_type: str, encoding: str) -> None:
    parcels = sample(data, "a_")
    result = run(client, "landuse-breakdown", parcels)
    made = [output(client, "landuse-breakdown", parcels, "pieces", media_type) for _ in range(2)]
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "dltb.cpg").read_text().strip() in (encoding, "936", "CP936")
    frame = pyogrio.read_dataframe(tmp_path / "dltb.shp")
    assert all(len(name.encode()) <= 10 for name in frame.columns if name != "geometry")
    area = next(name for name in frame.columns if name.startswith("piece"))
    covered = result["parcels"]["area"] - result["remainder"]["area"]
    assert math.fsum(frame[area]) == pytest.approx(covered, rel=1e-9)
    assert any("地" in str(value) for value in frame.drop(columns="geometry").to_numpy().ravel())


def test_pieces_as_geojson(client: TestClient, data: Path) -> None:
    parcels = sample(data, "a_")
    found = json.loads(output(client, "landuse-breakdown", parcels, "pieces", "application/geo+json"))
    assert {item["properties"]["layer"] for item in found["features"]} == {"parcels", "dltb"}
    longitude, latitude = found["features"][0]["geometry"]["coordinates"][0][0]
    assert 112 < longitude < 117
    assert 29 < latitude < 33


def test_an_unknown_form_of_pieces_is_refused(client: TestClient, data: Path) -> None:
    wanted = {"pieces": {"format": {"mediaType": "application/x-dxf"}}}
    response = post(client, "landuse-breakdown", {"parcels": sample(data, "a_")}, outputs=wanted)
    assert response.status_code == 400
    assert response.json()["pointer"] == "/outputs/pieces/format"


def test_without_fonts_only_the_report_is_refused(data: Path, tmp_path: Path) -> None:
    instance = load_instance(ROOT, "business", data)
    desk = replace(desk_of(instance), typefaces=tmp_path, notary=None)
    process = bind(built_in().get("ellipsoid-area"), {"parcels": sample(data, "a_")})
    context = Context(instance.gate, identify(), instance.settings, load_codes(shipped("codes")), desk=desk)
    with pytest.raises(Unavailable) as caught:
        process(replace(context, wanted={"report": "application/pdf"}))
    assert "fonts" in caught.value.detail
    assert process(replace(context, wanted={"table": XLSX}))["table"]


def test_hidden_fields_are_not_in_any_output(client: TestClient, data: Path) -> None:
    content = output(client, "control-line-check", sample(data, "a_"), "table")
    book = load_workbook(io.BytesIO(content))
    said = " ".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
    for name in ("ZRRZJHM", "LXDH", "JZDZ"):
        assert name not in said
    pieces = output(client, "control-line-check", sample(data, "a_"), "pieces", "application/geo+json")
    assert b"ZRRZJHM" not in pieces


def evidence_of(client: TestClient, process: str, parcels: Any) -> tuple[str, bytes]:
    response = post(client, process, {"parcels": parcels})
    assert response.status_code == 200
    link = response.headers["link"]
    assert link.endswith('rel="describedby"')
    return link.split(">")[0].lstrip("<"), response.content


def test_a_result_has_evidence(client: TestClient, data: Path) -> None:
    address, content = evidence_of(client, "control-line-check", sample(data, "a_"))
    record = client.get(address, params={"f": "json"}).json()
    result, said = json.loads(content), record["statement"]
    assert record["verification"] == {
        "signature": True, "keyid": record["verification"]["keyid"], "repeatable": True,
    }  # fmt: skip
    assert said["result"]["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert said["parcels"]["digest"] == result["parcels"]["digest"]
    assert {item["collection"] for item in said["data"]} == {item["collection"] for item in result["data"]}
    [rules] = said["rules"]
    assert {name: value for name, value in rules.items() if name != "digest"} == result["rules"]
    keys = client.get("/evidence/keys").json()["keys"]
    assert record["verification"]["keyid"] in {key["kid"] for key in keys}
    assert "d" not in keys[0]
    again, same = evidence_of(client, "control-line-check", sample(data, "a_"))
    assert (again, same) == (address, content)
    other, _ = evidence_of(client, "control-line-check", sample(data, "b_"))
    assert other != address
    page = client.get(address, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert said["result"]["digest"] in page.text
    assert rules["digest"] in page.text
    assert "签名有效" in page.text


def test_the_report_names_the_evidence(client: TestClient, data: Path) -> None:
    address, _ = evidence_of(client, "control-line-check", sample(data, "a_"))
    said = text_of(output(client, "control-line-check", sample(data, "a_"), "report"))
    assert "/evidence/" + address.rsplit("/", 1)[-1] in said


def test_evidence_is_for_those_who_may_see_its_layers(client: TestClient, data: Path, tmp_path: Path) -> None:
    unknown = client.get("/evidence/" + "0" * 64)
    assert unknown.status_code == 404
    address, _ = evidence_of(client, "landuse-breakdown", sample(data, "a_"))
    identifier = address.rsplit("/", 1)[-1]
    folder = data / "evidence"
    (folder / "evidence-internet.sqlite").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "evidence-business.sqlite")) as database:
        database.execute("VACUUM INTO ?", (str(folder / "evidence-internet.sqlite"),))
    try:
        response = application(data, "internet").get(f"/evidence/{identifier}")
    finally:
        (folder / "evidence-internet.sqlite").unlink()
    assert response.status_code == 404
    assert response.json()["detail"].replace(identifier[:60], "0" * 60) == unknown.json()["detail"]


def test_a_job_has_evidence_too(client: TestClient, data: Path) -> None:
    from onemap.processes.jobs import open_jobs
    from onemap.processes.jobs.runner import Runner, run_waiting

    instance = load_instance(ROOT, "business", data)
    jobs = open_jobs(instance.settings)
    assert jobs is not None
    body = {"inputs": {"parcels": sample(data, "d_")}}
    made = client.post("/processes/landuse-breakdown/execution", json=body, headers={"prefer": "respond-async"})
    assert made.status_code == 201
    runner = Runner(built_in(), instance.gate, instance.settings, load_codes(shipped("codes")), desk_of(instance))
    run_waiting(jobs, runner)  # type: ignore[arg-type]
    _ended(client, [made.headers["location"]])
    response = client.get(made.headers["location"] + "/results")
    assert response.status_code == 200
    address = response.headers["link"].split(">")[0].lstrip("<")
    said = client.get(address, params={"f": "json"}).json()["statement"]
    assert said["result"]["digest"] == "sha256:" + hashlib.sha256(response.content).hexdigest()
    status = client.get(made.headers["location"]).json()
    assert [item["href"] for item in status["links"] if item["rel"] == "describedby"] == [address]
    listed = next(job for job in client.get("/jobs").json()["jobs"] if job["jobID"] == status["jobID"])
    assert listed["links"] == status["links"]
    assert address in client.get(made.headers["location"], headers={"accept": "text/html"}).text


def _ended(client: TestClient, jobs: list[str]) -> None:
    """Wait for the end of jobs, of which a server with the same folder may have taken some."""
    until = time.monotonic() + 60
    while any(client.get(job).json()["status"] in ("accepted", "running") for job in jobs):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_job_keeps_what_its_page_draws(client: TestClient, data: Path) -> None:
    from onemap.processes.jobs import open_jobs
    from onemap.processes.jobs.runner import Runner, run_waiting

    instance = load_instance(ROOT, "business", data)
    jobs = open_jobs(instance.settings)
    assert jobs is not None
    bodies: list[dict[str, Any]] = [
        {"inputs": {"parcels": sample(data, "a_")}, "outputs": {"result": {}, "pieces": {}}},
        {"inputs": {"parcels": sample(data, "a_")}},
        {"inputs": {"echo": "x"}, "outputs": {"echo": {}}},
    ]
    processes = ("control-line-check", "control-line-check", "echo")
    addresses = [
        client.post(f"/processes/{process}/execution", json=body, headers={"prefer": "respond-async"}).headers[
            "location"
        ]
        for process, body in zip(processes, bodies, strict=True)
    ]
    waiting = client.get(addresses[0] + "/drawing")
    assert (waiting.status_code, waiting.json()["type"].rsplit("/", 1)[-1]) == (404, "result-not-ready")
    runner = Runner(built_in(), instance.gate, instance.settings, load_codes(shipped("codes")), desk_of(instance))
    run_waiting(jobs, runner)  # type: ignore[arg-type]
    _ended(client, addresses)
    drawn = [client.get(address + "/drawing") for address in addresses]
    assert [answer.status_code for answer in drawn] == [200, 200, 404]
    assert drawn[0].headers["content-type"] == "application/geo+json"
    layers = [[item["properties"]["layer"] for item in answer.json()["features"]] for answer in drawn[:2]]
    assert layers[1] == ["parcels"]
    assert layers[0][0] == "parcels"
    assert "yjjbnttb" in layers[0]
    west, south = drawn[0].json()["features"][0]["geometry"]["coordinates"][0][0]
    assert 70 < west < 140 > 60 > south > 15
    pages = [client.get(address, headers={"accept": "text/html"}).text for address in addresses]
    assert ["/drawing" in page for page in pages] == [True, True, False]
