"""Opens what looks at pictures, of whatever kind the bundle is: a classifier, or one that finds faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge.bundle import read_manifest
from edge.errors import ModelError
from edge.model_folders import find_bundle

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.faces import Faces


def open_looker(where: Path | str) -> Classifier | Faces:
    """The vision bundle at the path, or of the name, `where`. ModelError where there is none to use."""
    folder = find_bundle(where)
    if not folder.is_dir():
        raise ModelError(folder, "is no vision bundle", "give the folder with its manifest.json")
    if read_manifest(folder).get("kind") == "faces":
        from edge.faces import Faces

        return Faces(folder)
    from edge.classifier import Classifier

    return Classifier(folder)
