"""The example in the model server's README does what it says."""

import re
import textwrap
from pathlib import Path

import sample_workflows.model_server as model_server

README = Path(model_server.__file__).with_name("README.md")


def test_the_example_runs() -> None:
    """As printed; it holds its own assertions."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", README.read_text(), flags=re.M)
    [example] = [textwrap.dedent(block) for block in blocks if "from openai import" in block]
    assert example.count("assert") == 2
    exec(compile(example, str(README), "exec"), {})
