"""What Russian and Polish share: three forms of a noun after a number, and numbers that have cases."""

from __future__ import annotations

from voice.text.languages._base import Language, Noun, Number


class Slavic(Language):
    """`few` of a noun follows 2 to 4, `many` is the genitive plural, `part` the genitive singular."""

    genitive_after: frozenset[str] = frozenset()
    one_is_only_one = False
    """Whether 21 counts like 5 and not like 1."""

    def form_after(self, word: str) -> str:
        return "gen" if word in self.genitive_after else ""

    def name_after(self, number: int, noun: Noun, form: str = "") -> str:
        low = number % 100
        if number == 1 or (low % 10 == 1 and low != 11 and not self.one_is_only_one):
            return (noun.part or noun.few) if form == "gen" else noun.one
        if low % 10 in (2, 3, 4) and not 10 < low < 20 and form != "gen":
            return noun.few
        return noun.many

    def counted(self, number: Number, noun: Noun, form: str = "") -> str:
        said = self.spelled(number, ("genf" if noun.gender == "f" else "gen") if form else noun.gender)
        if number.fraction:
            return f"{said} {noun.part or noun.few}"
        return f"{said} {self.name_after(number.value, noun, form)}"

    def range(self, first: Number, last: Number, noun: Noun | None, form: str = "") -> str:
        if first.fraction or last.fraction:
            return super().range(first, last, noun, form)
        gender = "genf" if noun and noun.gender == "f" else "gen"
        tail = self.counted(last, noun, "gen") if noun else self.spelled(last, "gen")
        return f"{self.from_} {self.spelled(first, gender)} {self.range_} {tail}"

    from_ = ""
