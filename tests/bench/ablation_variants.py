"""What the ablation takes away: the recipe with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.backbone import HARDENED, REFERENCE
from synth.augment import THROATS
from synth.draw import Recipe
from synth.presets import NEURAL
from tests.bench.ablation_table import WHOLE

SPOKEN = ("phrase", "near")  # the parts of a way that engines speak

Keep = Callable[[str, str], bool]
"""whether examples of a part of the way (`synth.examples.parts_of`) spoken by an engine ("" if none) stay"""


def everything(_part: str, _engine: str) -> bool:
    """Nothing is taken away."""
    return True


def all_but(*parts: str) -> Keep:
    """All parts but these."""
    return lambda part, _engine: part not in parts


def by(*, neural: bool) -> Keep:
    """The phrase and what is close to it by neural voices alone, or by all others."""
    return lambda part, engine: part not in SPOKEN or (engine in NEURAL) is neural


def without(name: str) -> Keep:
    """The phrase and what is close to it by all engines but this one."""
    return lambda part, engine: part not in SPOKEN or engine != name


@dataclass(frozen=True)
class Variant:
    """The recipe with one thing changed."""

    name: str
    keep: Keep = everything
    recipe: Recipe = field(default_factory=Recipe)
    rooms: bool = True
    throats: float = THROATS
    backbone: str = HARDENED


VARIANTS = (
    Variant(WHOLE),
    Variant("reference backbone, not the hardened one", backbone=REFERENCE),
    Variant("without neural voices", by(neural=False)),
    Variant("neural voices alone", by(neural=True)),
    *(Variant(f"without {name}", without(name)) for name in ("espeak-ng", "flite", "festival")),
    Variant("without near-misses", all_but("near")),
    Variant("without mined negatives", recipe=Recipe(hard_share=0.0)),
    Variant("without real speech and music to reject", all_but("real", "music")),
    Variant("without rooms", rooms=False),
    Variant("without vocal-tract shifts", throats=0.0),
    Variant("without masking", recipe=Recipe(masked=0.0)),
    Variant("with an adversarial step (FGSM, 0.1)", recipe=Recipe(adversarial=0.1)),
)
