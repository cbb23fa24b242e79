"""What a call cost: shipped tables, the user's own prices over them, unknown as unknown."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durascope_dashboard.analysis import own_prices
from durascope_dashboard.analysis.prices import price
from durascope_dashboard.exceptions import UsageError

DAY = 20_000
Write = Callable[[str], Path]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the file of prices and names it; nothing of it is remembered afterwards."""

    def write(text: str) -> Path:
        path = tmp_path / "prices.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv(own_prices.VARIABLE, str(path))
        price.cache_clear()
        own_prices._table.cache_clear()
        return path

    yield write
    price.cache_clear()
    own_prices._table.cache_clear()


def test_a_known_model_has_its_price_and_cached_input_is_cheaper() -> None:
    """Input and output count; the same with a provider's prefix; cached input costs less, never nothing."""
    full, cached = price("gpt-4o", DAY, 1000, 0, 100, 0), price("gpt-4o", DAY, 1000, 500, 100, 0)
    assert full is not None and cached is not None and 0 < cached < full
    assert price("openai/gpt-4o", DAY, 1000, 0, 100, 0) == full


def test_an_unknown_model_costs_null_not_zero() -> None:
    """Its cost is not known; somebody pays all the same."""
    assert price("house-llm", DAY, 1000, 0, 100, 0) is None


def test_own_prices_come_first(own: Write) -> None:
    """Also over a shipped one; exact names over patterns; each kind of token by its own price."""
    own("""
        ["house-*"]
        input = 1
        output = 2
        ["house-big"]
        input = 10
        cached_input = 1
        output = 40
        ["gpt-4o"]
        input = 0
        output = 0
    """)
    assert price("house-small", DAY, 1_000_000, 0, 500_000, 0) == 2.0
    assert price("house-big", DAY, 1_000_000, 400_000, 0, 100_000) == pytest.approx(5 + 0.4 + 1)
    assert price("gpt-4o", DAY, 1000, 0, 100, 0) == 0.0
    assert price("other", DAY, 1000, 0, 100, 0) is None


@pytest.mark.parametrize(
    "text",
    ["[house", "house = 3", "[house]\ninput = 1", '[house]\ninput = "1"\noutput = 1', "[h]\ninput=1\noutput=1\nx=1"],
)
def test_a_wrong_file_is_one_sentence_and_stops_no_join(
    own: Write, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It names the file; joins go on with the shipped tables, and the log says so once."""
    path = own(text)
    with pytest.raises(UsageError, match=r"prices\.toml"):
        own_prices.read_prices(path)
    assert price("gpt-4o", DAY, 1000, 0, 100, 0) is not None
    assert price("gpt-4o", DAY, 2000, 0, 100, 0) is not None
    assert len([record for record in caplog.records if record.name == "durascope.prices"]) == 1
