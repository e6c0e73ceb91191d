"""Files as people have them, where their corpus lies beside the project: each is read right or refused well."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of files lies beside the project, not in it")
def test_nothing_is_misread() -> None:
    command = [sys.executable, CORPUS / "try.py", CORPUS, sys.executable, ROOT]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
