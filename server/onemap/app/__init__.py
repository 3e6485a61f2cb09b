"""The application: an instance loaded from its folders or from one file, and its ASGI app."""

from onemap.app.asgi import build_blocks, create_app
from onemap.app.desk import desk_of
from onemap.app.instance import (
    Instance,
    cached_in,
    collection_id,
    is_database,
    jobs_in,
    load_instance,
    publish,
    publish_database,
    publish_file,
)

__all__ = [
    "Instance",
    "build_blocks",
    "cached_in",
    "collection_id",
    "create_app",
    "desk_of",
    "is_database",
    "jobs_in",
    "load_instance",
    "publish",
    "publish_database",
    "publish_file",
]
