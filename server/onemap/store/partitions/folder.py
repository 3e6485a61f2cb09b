"""A folder on this machine, or one that a cluster shares (s3://, hdfs://, gs://), as pyarrow opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.fs
import pyarrow.parquet

from onemap.errors import ConfigError


@dataclass(frozen=True)
class Folder:
    """A folder, by path or URI. Files appear whole or not at all."""

    address: str

    def read(self, name: str) -> bytes:
        """Return the bytes of a file. Raises ConfigError."""
        system, base = self._opened
        try:
            with system.open_input_stream(f"{base}/{name}") as stream:
                return bytes(stream.read())
        except (OSError, pyarrow.ArrowException) as error:
            raise ConfigError(f"{self.address}/{name} cannot be read: {error}.") from None

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        system, base = self._opened
        return bool(system.get_file_info(f"{base}/{name}").type == pyarrow.fs.FileType.File)

    def write(self, name: str, content: bytes) -> None:
        """Write a file under another name first, so that nobody finds half of it."""
        system, base = self._opened
        path = f"{base}/{name}"
        system.create_dir(path.rsplit("/", 1)[0], recursive=True)
        fresh = f"{path}.{os.getpid()}.part"
        with system.open_output_stream(fresh) as stream:
            stream.write(content)
        system.move(fresh, path)

    def table(self, name: str, columns: list[str]) -> Any:
        """Return columns of a Parquet file as an Arrow table."""
        system, base = self._opened
        return pyarrow.parquet.read_table(f"{base}/{name}", columns=columns, filesystem=system, use_threads=False)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        system, base = self._opened
        if system.get_file_info(base).type == pyarrow.fs.FileType.Directory:
            system.delete_dir(base)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        if "://" not in self.address:
            return pyarrow.fs.LocalFileSystem(), str(Path(self.address).absolute())
        try:
            system, base = pyarrow.fs.FileSystem.from_uri(self.address)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise ConfigError(f"'{self.address}' cannot be opened: {error}.") from None
        return system, base.rstrip("/")
