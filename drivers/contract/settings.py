"""What all settings have in common: frozen, strict, secrets only as files."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings from the configuration file: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _resolve(path: Path) -> Path:
    """Find a bare file name among systemd's credentials (systemd.exec(5), LoadCredential=).

    Only the service has them: whoever else reads the configuration, to check
    it or to ask for the gateway's health, takes the name as it is.
    """
    if len(path.parts) == 1:
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if credentials is None:
            return path
        path = Path(credentials) / path
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


SecretFile = Annotated[Path, AfterValidator(_resolve)]
"""Path of a file that holds a secret; a bare name is looked up in $CREDENTIALS_DIRECTORY."""


def read_secret(path: Path) -> str:
    """Return the secret in the file, without the line end that editors add."""
    return path.read_text(encoding="utf-8").rstrip("\r\n")
