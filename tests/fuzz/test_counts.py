"""How many requests there are, whatever becomes of them."""

from tests.fuzz import test_gradio, test_markup, test_routes, test_wire


def test_there_are_enough():
    counts = (
        test_routes.JSON, test_routes.FORMS, test_gradio.CALLS, test_gradio.FILES, test_gradio.TOOLS, test_wire.HEADS,
        test_wire.CROWD, test_markup.TEXTS,
    )  # fmt: skip
    assert sum(counts) >= 20_000
