import pytest

from voice.catalogue import Catalogue
from voice.licences import allows_commerce


@pytest.mark.parametrize(
    "licence",
    [
        "Apache-2.0", "Apache-2.0, gated", "MIT", "BSD-style (CMU)", "GPL-3.0", "CC0", "CC-BY-4.0", "CC BY 4.0",
        "CC-BY-SA-3.0", "MPL-2.0", "Apache-2.0, with espeak-ng (GPL-3.0) for the phonemes",
    ],
)  # fmt: skip
def test_names_that_are_known_to_allow_it(licence):
    assert allows_commerce(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "", "CC-BY-NC-4.0", "CC BY-NC-SA 4.0", "Coqui Public Model License", "Boson community licence", "MIT-like",
        "differs by voice, see the list", "Apache-2.0 code, weights for non-commercial use", "research only", "MITRE",
    ],
)  # fmt: skip
def test_whatever_else_is_not_known_to(licence):
    assert not allows_commerce(licence)


def test_most_of_the_catalogue_can_be_used():
    licences = [entry.licence for entry in Catalogue().entries]
    allowed = [allows_commerce(licence) for licence in licences]
    assert 0 < sum(allowed) < len(allowed)
    assert sum(allowed) > len(allowed) / 2
