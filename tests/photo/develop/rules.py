"""Contexts of a photographer's own, written down as rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def rules_file(tmp_path: Path, *rules: dict[str, Any], **more: Any) -> Path:
    card = {"description": "d", "recommended_preset": "natural", "preset_blend": 50}
    contexts = {"first": {**card, "rules": list(rules)}} | {
        name: {**card, "rules": others} for name, others in more.items()
    }
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"default": card, "contexts": contexts}))
    return path


def rule(field: str, operator: str, value: Any, weight: float = 1) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, "weight": weight}
