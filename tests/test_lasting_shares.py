"""Shares are told as far as they hold over restarts."""

import pytest

from experiments.common.front.shares import lasting_shares


@pytest.mark.parametrize(
    ("restarts", "text"),
    [
        ([["csr"] * 3 + ["coo"]], "csr 75%, coo 25%"),
        ([["csr"] * 7 + ["coo"] * 3, ["csr"] * 7 + ["coo"] * 2 + ["rle"]], "csr 70%, coo 20-30%, rle 0-10%"),
        ([["csr"] * 9 + ["coo"], ["csr"] + ["coo"] * 8 + ["nm4"]], "nm4 0-10%; unsettled: csr, coo"),
        ([["csr"] * 2, ["coo"] * 2], "unsettled: csr, coo"),
        ([["csr"] * 200 + ["rle"]], "csr 100%"),
    ],
)
def test_a_share_that_differs_between_restarts_is_not_told(restarts: list[list[str]], text: str):
    assert lasting_shares(restarts) == text
