"""Settings: small frozen models, one per concern. Unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, IPvAnyNetwork, SecretStr, Tag, model_validator

Zone = Literal["internet", "extranet", "business", "classified"]
Level = Literal["P", "G", "S", "C", "X1", "X2", "X3"]


class Model(BaseModel):
    """Base of all settings: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Model):
    """A text in Chinese and English; a plain string stands for both."""

    zh: str
    en: str

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: object) -> object:
        if isinstance(value, str):
            return {"zh": value, "en": value}
        if isinstance(value, dict) and len(value) == 1:
            only = next(iter(value.values()))
            return {"zh": only, "en": only, **value}
        return value

    def get(self, lang: str) -> str:
        """Return the text in a language, ``zh`` or ``en``."""
        return self.en if lang == "en" else self.zh


class Service(Model):
    """What the landing page says of this instance."""

    title: Text = Field(Text(zh="OneMap 服务", en="OneMap service"), description="Title of the landing page.")
    description: Text = Field(Text(zh="", en=""), description="One paragraph under the title.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+[^\s?#/]$",
        description="Address under which clients reach the server, without a trailing slash; default: as asked.",
    )
    attribution: str = Field("", description="Attribution and 审图号 shown on maps and in collection documents.")


class GeoPackageSettings(Model):
    """A GeoPackage file."""

    type: Literal["geopackage"] = Field("geopackage", description="Kind of store.")
    path: Path = Field(description="File, relative to the data folder.")


class Timeouts(Model):
    """How long a database may take, in seconds."""

    connect: float = Field(3.0, gt=0, le=60, description="Opening a connection, and waiting for a free one (s).")
    items: float = Field(15.0, gt=0, description="A statement that reads features (s).")
    tiles: float = Field(5.0, gt=0, description="A statement that reads the features of a tile (s).")


class PostgisSettings(Model):
    """A PostgreSQL database with PostGIS; written to only where a collection is editable."""

    type: Literal["postgis"] = Field(description="Kind of store.")
    dsn: SecretStr = Field(
        description="Connection string of libpq: postgresql://user@host/database. Parts left out come from PGHOST,"
        " PGUSER, ... ; the password best from `password_file`, PGPASSFILE or PGPASSWORD."
    )
    password_file: Path | None = Field(None, description="File that holds the password and nothing else.")
    schemas: tuple[str, ...] = Field((), description="Schemas whose tables are published; default: all.")
    connections: int = Field(8, ge=1, le=100, description="Most connections of one server process.")
    queue: int = Field(16, ge=0, description="Requests that may wait for a connection; more are answered with 503.")
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long the database may take.")


class PygeoapiSettings(Model):
    """A feature provider of pygeoapi, read only; needs the extra `pygeoapi`."""

    type: Literal["pygeoapi"] = Field(description="Kind of store.")
    provider: str = Field(
        description="Name of one of pygeoapi's own providers, for example CSV, or of one that an installed package"
        " offers under the entry point `onemap.pygeoapi`; its dotted path will do."
    )
    data: str | dict[str, Any] = Field(
        repr=False, description="What the provider reads; a file may be named relative to the data folder."
    )
    table: str = Field(description="Name by which collections address the features; the provider's `table` too.")
    id_field: str = Field(description="Field with the ids.")
    crs: int = Field(4326, description="EPSG code of the coordinates that the provider gives.")
    authority_axes: bool = Field(
        False, description="Coordinates have the axis order of the EPSG code, not easting or longitude first."
    )
    geometry_type: Literal[
        "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON"
    ] = Field("GEOMETRY", description="Type of the geometries.")
    options: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="Further keys of the provider's definition."
    )
    pushes: tuple[Literal["bbox", "filter", "sortby"], ...] | None = Field(
        None,
        description="What the provider evaluates itself, used where the source is larger than `copy_max`; default: what"
        " is known of pygeoapi's own providers.",
    )
    copy_max: int = Field(
        50_000,
        ge=1,
        description="Up to so many features are copied and evaluated here; more must be left to the provider.",
    )
    fresh: float = Field(60.0, gt=0, description="A copy of what is no file is read again after this time (s).")
    extent: tuple[float, float, float, float] | None = Field(
        None, description="Bounds of the features, x and y, where the source is larger than `copy_max`."
    )


def _kind(value: Any) -> str:
    kind = value.get("type", "geopackage") if isinstance(value, dict) else getattr(value, "type", "geopackage")
    return str(kind)


StoreSettings = Annotated[
    Annotated[GeoPackageSettings, Tag("geopackage")]
    | Annotated[PostgisSettings, Tag("postgis")]
    | Annotated[PygeoapiSettings, Tag("pygeoapi")],
    Discriminator(_kind),
]


class Limits(Model):
    """What one request may ask for."""

    page_default: int = Field(10, ge=1, description="Features in a page when `limit` is not given.")
    page_max: int = Field(10_000, ge=1, description="Most features in one page; a larger `limit` is cut to it.")
    download_max: int = Field(
        1_000_000,
        ge=1,
        description="Most features in one download (CSV, GeoPackage, Shapefile, FlatGeobuf, GeoParquet).",
    )
    downloads: int = Field(
        4,
        ge=1,
        le=32,
        description="Downloads that one server process makes and sends at once, at most one less than the"
        " `connections` of its databases; more are answered with 503 and Retry-After. Pages are not counted.",
    )
    count_max: int = Field(10_000, ge=0, description="`numberMatched` is given up to this many counted candidates.")
    body_bytes: int = Field(10_000_000, ge=1, description="Largest request body.")
    uri_bytes: int = Field(16_384, ge=256, description="Longest request target.")
    tile_features: int = Field(20_000, ge=1, description="Most features in one tile, the largest first.")


class TileSettings(Model):
    """Keeping finished tiles."""

    memory_bytes: int = Field(128 * 2**20, ge=0, description="Tiles kept in the memory of one server process (bytes).")
    shared_bytes: int = Field(
        2 * 2**30,
        ge=0,
        description="Tiles kept in the file that the processes of a zone share (bytes); 0: no such file.",
    )
    folder: Path | None = Field(
        None,
        description="Folder of that file and of seeded archives, relative to the data folder; default: `cache` there"
        " when served from a configuration, else none.",
    )
    cache_control: str = Field(
        "no-cache",
        pattern=r"^[ -~]+$",
        description="Cache-Control of tiles. By default copies are asked for again each time, which costs next to"
        " nothing while they hold; with `max-age` an edit is seen that much later.",
    )


class PackSettings(Model):
    """Packs: files that tiles are made from, built from the stores."""

    folder: Path | None = Field(
        None,
        description="Folder of the packs and of the pieces of huge features, relative to the data folder; default:"
        " `derived` there when served from a configuration, else none.",
    )
    build: Literal["manual", "background"] = Field(
        "manual",
        description="manual: with `onemap tiles build`. background: by `onemap serve`, in a process of its own, when a"
        " pack is missing or its store has changed too much.",
    )
    edits: int = Field(
        2_000, ge=1, le=20_000, description="A pack is built again in the background after so many edited features."
    )


class AdminSettings(Model):
    """The administrator's port, which answers `/metrics` for Prometheus; not for the public."""

    port: int | None = Field(None, ge=1, le=65535, description="Port; default: none.")
    host: str = Field("127.0.0.1", description="Address to listen on.")


class PolicySettings(Model):
    """Access by classification level. Anything not said is denied."""

    levels: dict[Level, Literal["raw", "deny"]] = Field(
        default_factory=dict, description="Treatment per level; may only tighten the zone's built-in matrix."
    )
    accredited: Literal["X1", "X2"] | None = Field(
        None, description="Highest secret level of a classified zone's accreditation."
    )


class OutboundSettings(Model):
    """Servers that this one may ask on behalf of a caller; without any, it asks nobody."""

    hosts: tuple[Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$")], ...] = Field(
        (),
        description="Servers by scheme, host and port, as `https://data.example.org` or `http://10.1.2.3:8080`; exactly"
        " these, no others. Redirects are not followed.",
    )
    networks: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Private networks in which such a host may be, as `10.1.2.0/24`; others must be public."
    )
    seconds: float = Field(10.0, gt=0, le=60, description="Longest time of one exchange (s).")


class ReferenceSettings(OutboundSettings):
    """Inputs by reference: documents that the server fetches for a caller."""

    max_bytes: int = Field(10_000_000, ge=1, description="Most bytes of all documents of one request.")


class CallbackSettings(OutboundSettings):
    """Callbacks: addresses that are told of the progress and the outcome of a job."""

    attempts: int = Field(5, ge=1, le=10, description="Attempts to deliver, each after twice the pause of the last.")
    pause: float = Field(2.0, ge=0, le=60, description="Pause after the first attempt (s).")


class ProcessSettings(Model):
    """Limits and thresholds of the processes."""

    max_parcels: int = Field(2_000, ge=1, description="Most parcels in one request.")
    max_vertices: int = Field(200_000, ge=4, description="Most vertices in one request.")
    max_area_km2: float = Field(50_000.0, gt=0, description="Largest total area of the parcels, km2.")
    max_hits: int = Field(1_000, ge=1, description="Most hits listed per layer; totals always count all.")
    min_area: float = Field(1.0, ge=0, description="Hits below this area (m2) are flagged as insignificant.")
    min_width: float = Field(0.1, ge=0, description="Hits thinner than this (m) are flagged as insignificant.")
    layer_seconds: float = Field(60.0, gt=0, description="Longest time for one layer; then it is said to be unknown.")
    search_distance: float = Field(10_000.0, ge=0, description="Nearest features are sought within this many metres.")
    references: ReferenceSettings = Field(
        default_factory=ReferenceSettings, description="Inputs by reference; off unless hosts are listed."
    )
    callbacks: CallbackSettings = Field(
        default_factory=CallbackSettings, description="Callbacks of jobs; off unless hosts are listed."
    )
    plugins: dict[str, str] = Field(
        default_factory=dict,
        description="Processes of pygeoapi by the id that they get here, as `package.module:Class`, from installed"
        " packages only; needs the extra `pygeoapi`. Those that an installed package offers under the entry point"
        " `onemap.pygeoapi_processes` need not be named.",
    )


class JobSettings(Model):
    """Jobs: executions that outlive their request."""

    store: str | None = Field(
        None,
        description="Name of the PostGIS store whose database keeps the jobs, or `embedded` for a file in `folder`;"
        " default: the PostGIS store where there is exactly one, else embedded.",
    )
    folder: Path | None = Field(
        None,
        description="Folder of embedded jobs and of files under way, relative to the data folder; default: `jobs`"
        " there when served from a configuration, else a temporary one.",
    )
    workers: int = Field(
        1, ge=0, le=64, description="Jobs worked on at once by `onemap serve`; 0: only `onemap worker` works on them."
    )
    cores: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Cores that one job of very many parcels may use, each with a process of its own; 1: one. Default:"
        " those of the machine, shared out among its workers.",
    )
    lease: float = Field(
        30.0, ge=2, description="A job whose worker has not been heard of for this time is given to another (s)."
    )
    statement: float = Field(
        600.0, gt=0, description="A statement of a job in a PostGIS store; `timeouts.items` is for requests (s)."
    )
    retention: float = Field(168.0, gt=0, description="Jobs that have ended are removed with their results after (h).")
    listed: bool = Field(
        True,
        description="Whether `/jobs` lists the jobs of callers without an identity, to all of them; otherwise such a"
        " job is known to who was told its address.",
    )
    max_queued: int = Field(1_000, ge=1, description="Most jobs of one user that wait or run; more: 429.")
    max_running: int = Field(8, ge=1, description="Most jobs of one user that run at once; the others wait.")
    output_bytes: int = Field(512 * 2**20, ge=1024, description="Most bytes of the results of one job.")
    disk_bytes: int = Field(
        20 * 2**30, ge=1024, description="Most bytes of the results of all jobs; beyond, new jobs are answered 503."
    )


class EvidenceSettings(Model):
    """Evidence: a signed record of every result of an analysis, at `/evidence/{id}`."""

    enabled: bool = Field(True, description="Whether results are attested.")
    store: str | None = Field(
        None,
        description="Name of the PostGIS store whose database keeps the records, or `embedded` for a file in `folder`;"
        " default: the PostGIS store where there is exactly one, else embedded.",
    )
    folder: Path | None = Field(
        None,
        description="Folder of the file and of the key, relative to the data folder; default: `evidence` there when"
        " served from a configuration, else none: nothing is attested.",
    )
    key_file: Path | None = Field(
        None,
        description="Private key (Ed25519, PKCS 8, PEM), made at first use, readable for its owner only; default:"
        " `signing.key` in `folder`. Servers of one instance share it.",
    )
    keep_inputs: bool = Field(
        True, description="Whether inputs are kept, which `onemap evidence verify --rerun` needs."
    )
    inputs_bytes: int = Field(
        2 * 2**30, ge=0, description="Most bytes of inputs kept (compressed); the oldest go first, records stay."
    )


class EditingSettings(Model):
    """Who may change features of the collections that are declared editable, and how much at once."""

    allow: Literal["none", "everybody"] = Field("none", description="Who may edit in this zone.")
    require_match: bool = Field(
        False,
        description="Whether PUT, PATCH and DELETE must say with If-Match (or, where features have a Last-Modified,"
        " If-Unmodified-Since) which state of the feature they mean.",
    )
    max_features: int = Field(1_000, ge=1, description="Most features in one request.")
    max_vertices: int = Field(200_000, ge=4, description="Most vertices in one request.")


class Settings(Model):
    """Everything an instance is told at start."""

    zone: Zone = Field("internet", description="Network security zone of this instance.")
    service: Service = Field(default_factory=Service, description="Landing page texts and public address.")
    stores: dict[str, StoreSettings] = Field(default_factory=dict, description="Sources by name.")
    limits: Limits = Field(default_factory=Limits, description="Limits of one request.")
    tiles: TileSettings = Field(default_factory=TileSettings, description="Keeping finished tiles.")
    packs: PackSettings = Field(default_factory=PackSettings, description="Files that tiles are made from.")
    admin: AdminSettings = Field(default_factory=AdminSettings, description="The administrator's port.")
    policy: PolicySettings = Field(default_factory=PolicySettings, description="Access by level.")
    editing: EditingSettings = Field(default_factory=EditingSettings, description="Changing features.")
    processes: ProcessSettings = Field(default_factory=ProcessSettings, description="Process limits and thresholds.")
    jobs: JobSettings = Field(default_factory=JobSettings, description="Executions that outlive their request.")
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings, description="Signed records of results.")
    scratch: Path | None = Field(None, description="Folder of temporary files of downloads; default: the system's.")
    trusted_proxies: tuple[str, ...] = Field((), description="Addresses whose Forwarded headers are believed.")
