"""How the pages look: the royal purple theme, the style sheet, the icon and what goes into the page's head."""

from __future__ import annotations

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import colors, fonts, sizes

ASSETS = Path(__file__).parent / "assets"
FAVICON = ASSETS / "favicon.svg"

ROYAL = colors.Color(
    "#f7f3ff", "#ede5ff", "#dccdff", "#c4a9ff", "#a87ff8", "#8c57ec",
    "#7538d8", "#6229b6", "#522495", "#431f79", "#2a1150", name="royal",
)  # fmt: skip
DUSK = colors.Color(
    "#faf9fd", "#f3f0f9", "#e6e1f0", "#d1c9e0", "#a9a0bd", "#7c7192",
    "#5c5172", "#463c5a", "#2d2540", "#1d162d", "#120c1f", name="dusk",
)  # fmt: skip


def asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def head() -> str:
    """Only what must stand in the document's head; the page asks nothing of other hosts."""
    return (
        '<meta name="theme-color" content="#6229b6">\n'
        f"<style>{asset('frame.css')}</style>\n<script>{asset('session.js')}</script>"
    )


def css() -> str:
    return "".join(
        asset(name) for name in ("page.css", "voices.css", "status.css", "words.css", "chat.css", "live.css")
    )


class RoyalPurple(Base):
    """Glass on a purple ground, in light and dark.

    Of the fonts that come with Gradio only the regular and bold cuts are whole, so those two weights are all there is.
    """

    def __init__(self):
        super().__init__(
            primary_hue=ROYAL,
            secondary_hue=ROYAL,
            neutral_hue=DUSK,
            spacing_size=sizes.spacing_md,
            radius_size=sizes.radius_lg,
            text_size=sizes.text_md,
            font=(fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"),
            font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
        )
        self.name = "royal"
        super().set(**_GROUND, **_GLASS, **_LABELS, **_BUTTONS)


_GROUND = {
    "body_background_fill": (
        "radial-gradient(60rem 40rem at 8% -10%, #d9c7ff 0%, transparent 60%), "
        "radial-gradient(50rem 36rem at 100% 0%, #f1d9ff 0%, transparent 55%), "
        "linear-gradient(180deg, #f4efff 0%, #f8f6fd 60%, #f1ebff 100%)"
    ),
    "body_background_fill_dark": (
        "radial-gradient(60rem 40rem at 8% -10%, #43218099 0%, transparent 60%), "
        "radial-gradient(50rem 36rem at 100% 0%, #5b1d7a66 0%, transparent 55%), "
        "linear-gradient(180deg, #150c26 0%, #0f0919 70%, #160c28 100%)"
    ),
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "*neutral_100",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_300",
    "background_fill_primary": "#ffffff",
    "background_fill_primary_dark": "#21173a",
    "background_fill_secondary": "#ffffff80",
    "background_fill_secondary_dark": "#ffffff0d",
    "border_color_primary": "#6229b626",
    "border_color_primary_dark": "#c4a9ff2e",
    "border_color_accent": "*primary_400",
    "border_color_accent_dark": "*primary_400",
    "color_accent": "*primary_600",
    "color_accent_soft": "#8c57ec1f",
    "color_accent_soft_dark": "#a87ff833",
    "link_text_color": "*primary_700",
    "link_text_color_dark": "*primary_300",
    "loader_color": "*primary_500",
    "slider_color": "*primary_600",
    "slider_color_dark": "*primary_400",
    "code_background_fill": "#6229b612",
    "code_background_fill_dark": "#c4a9ff1f",
    "prose_header_text_weight": "700",
}

_GLASS = {
    "block_background_fill": "#ffffffb8",
    "block_background_fill_dark": "#ffffff0f",
    "block_border_color": "#6229b61f",
    "block_border_color_dark": "#c4a9ff26",
    "block_border_width": "1px",
    "block_shadow": "0 8px 28px -18px #431f7966",
    "block_shadow_dark": "0 8px 28px -18px #000000cc",
    "block_radius": "16px",
    "panel_background_fill": "#ffffff8c",
    "panel_background_fill_dark": "#ffffff0a",
    "input_background_fill": "#ffffffd9",
    "input_background_fill_dark": "#0f091980",
    "input_background_fill_focus": "#ffffff",
    "input_background_fill_focus_dark": "#0f0919b3",
    "input_border_width": "1px",
    "input_border_color": "#6229b633",
    "input_border_color_dark": "#c4a9ff33",
    "input_border_color_focus": "*primary_500",
    "input_border_color_focus_dark": "*primary_300",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 3px #8c57ec33",
    "input_radius": "12px",
    "table_even_background_fill": "#ffffff99",
    "table_even_background_fill_dark": "#ffffff0a",
    "table_odd_background_fill": "#f3f0f999",
    "table_odd_background_fill_dark": "#ffffff14",
}

_LABELS = {
    "block_label_background_fill": "#ede5ffcc",
    "block_label_background_fill_dark": "#2d1f4dcc",
    "block_label_border_width": "0px",
    "block_label_text_color": "*primary_800",
    "block_label_text_color_dark": "*primary_200",
    "block_label_text_weight": "700",
    "block_title_text_color": "*primary_800",
    "block_title_text_color_dark": "*primary_200",
    "block_title_text_weight": "700",
    "block_title_text_size": "*text_sm",
    "block_info_text_color": "*neutral_600",
    "block_info_text_color_dark": "*neutral_300",
    "checkbox_label_background_fill": "#ffffffb3",
    "checkbox_label_background_fill_dark": "#ffffff14",
    "checkbox_label_background_fill_selected": "*primary_100",
    "checkbox_label_background_fill_selected_dark": "#6229b680",
    "checkbox_label_text_color_selected": "*primary_900",
    "checkbox_label_text_color_selected_dark": "#ffffff",
    "checkbox_label_text_weight": "400",
    "checkbox_label_shadow": "none",
    "checkbox_background_color_selected": "*primary_600",
    "checkbox_background_color_selected_dark": "*primary_500",
    "checkbox_border_color_selected": "*primary_600",
    "checkbox_border_color_selected_dark": "*primary_400",
}

_BUTTONS = {
    "button_large_radius": "12px",
    "button_medium_radius": "12px",
    "button_small_radius": "999px",
    "button_large_text_weight": "700",
    "button_medium_text_weight": "700",
    "button_small_text_weight": "400",
    "button_primary_background_fill": "linear-gradient(120deg, #6229b6, #8c57ec)",
    "button_primary_background_fill_dark": "linear-gradient(120deg, #6229b6, #8c57ec)",
    "button_primary_background_fill_hover": "linear-gradient(120deg, #522495, #7538d8)",
    "button_primary_background_fill_hover_dark": "linear-gradient(120deg, #7538d8, #9a69f2)",
    "button_primary_border_color": "transparent",
    "button_primary_text_color": "#ffffff",
    "button_primary_text_color_dark": "#ffffff",
    "button_primary_shadow": "0 8px 20px -10px #6229b6b3",
    "button_secondary_background_fill": "#ffffffb3",
    "button_secondary_background_fill_dark": "#ffffff14",
    "button_secondary_background_fill_hover": "#ede5ff",
    "button_secondary_background_fill_hover_dark": "#ffffff24",
    "button_secondary_border_color": "#6229b633",
    "button_secondary_border_color_dark": "#c4a9ff33",
    "button_secondary_text_color": "*primary_800",
    "button_secondary_text_color_dark": "*primary_200",
}
