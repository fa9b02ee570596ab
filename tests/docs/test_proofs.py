"""A promise on a page names its proof, and the proof exists.

`<!-- proof: tests/e2e/test_isolation.py -->` or `...::test_name` stands behind the sentence; readers do not see it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
PROOF = re.compile(r"<!-- proof: ([\w/.]+?\.py)(?:::(\w+))? -->")


def proofs() -> list[tuple[str, str, str]]:
    """Each proof once: the page, the file, and the test (or "" where the whole file is meant)."""
    return sorted({(page.name, *found) for page in PAGES for found in PROOF.findall(page.read_text("utf-8"))})


def test_the_pages_for_people_name_proofs() -> None:
    named = {page for page, _, _ in proofs()}
    assert {"athlete.md", "coach.md", "operator.md", "contributor.md", "README.md"} <= named


def test_every_mark_is_understood() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        assert text.count("<!-- proof") == len(PROOF.findall(text)), page.name


@pytest.mark.parametrize(("page", "file", "name"), proofs())
def test_the_proof_exists(page: str, file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert any(one.startswith("test_") for one in tests)
    assert not name or name in tests
