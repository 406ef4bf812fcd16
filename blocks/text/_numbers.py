"""Numbers and amounts in words, as far as languages agree. They come from num2words, mended where it errs."""

import re

_LONGEST = 15  # digits that are still said as one number


class Numbers:
    code: str
    words: dict[str, str]  # of signs and of what stands between numbers
    currencies: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # sign or code -> forms of its name and hundredth
    magnitudes: dict[str, str]  # as written behind an amount -> what it is
    units: dict[str, tuple[str, ...]]  # sign -> forms of its name
    group, mark = ",", "."  # between thousands, before decimals

    def cardinal(self, number: int, **how) -> str:
        return self.mend(self._words(number, **how))

    def ordinal(self, number: int, **how) -> str:
        return self.mend(self._words(number, to="ordinal", **how))

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def digits(self, text: str) -> str:
        return " ".join(self.cardinal(int(digit)) for digit in text if digit.isdigit())

    def decimal(self, whole: str, part: str, mark: str) -> str:
        raise NotImplementedError

    def fraction(self, above: int, below: int) -> str | None:
        """``three quarters``; None for what is no everyday fraction."""
        raise NotImplementedError

    def time(self, hour: int, minute: int, half: str) -> str:
        raise NotImplementedError

    def date(self, day: int, month: int, year: str) -> str:
        raise NotImplementedError

    def power(self, number: str) -> str:
        """What stands behind a base: ``to the sixth``."""
        raise NotImplementedError

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        """A number with the right one of the forms of what it counts."""
        raise NotImplementedError

    def large(self, number: str, magnitude: str, forms: tuple[str, ...]) -> str:
        """``two point five million dollars``."""
        return f"{self.say(number)} {magnitude} {forms[-1]}"

    def per(self, sign: str) -> str:
        """What follows a stroke behind an amount: ``per hour``."""
        return f"{self.words['per']} {self.units[sign][0] if sign in self.units else sign}"

    def letter_name(self, letter: str) -> str:
        """A letter that `text.phones` says by its name."""
        return letter.upper()

    def mend(self, words: str) -> str:
        return words

    def _words(self, number: int, **how) -> str:
        from num2words import num2words

        return num2words(number, lang=self.code, **how)

    # ---- numbers as they are written ----

    @property
    def number(self) -> str:
        """The pattern of a number: with marks between thousands, with decimals, or plain."""
        group, mark = re.escape(self.group), f"[{re.escape(self.mark)}]"
        return rf"\d{{1,3}}(?:{group}\d{{3}})+(?:{mark}\d+)?(?!\d)|\d+(?:{mark}\d+)?"

    def parse(self, number: str) -> tuple[str, str, str]:
        """The digits before the mark, those after it, and the mark."""
        found = re.fullmatch(rf"(.*?\d)(?:([{re.escape(self.mark)}])(\d+))?", self._ungrouped(number))
        return found[1], found[3] or "", found[2] or ""

    def say(self, number: str, **how) -> str:
        """Any written number: `how` is gender and case for languages that have them."""
        whole, part, mark = self.parse(number)
        if len(whole) > _LONGEST or (len(whole) > 1 and whole[0] == "0"):
            return ", ".join(filter(None, [self.digits(whole), self.digits(part)]))
        return self.decimal(whole, part, mark) if part else self.cardinal(int(whole), **how)

    def quantity(self, number: str) -> str:
        """A number without a unit: four digits alone may be a year."""
        return self.year(int(number)) if re.fullmatch(r"1[1-9]\d\d|20\d\d", number) else self.say(number)

    def _ungrouped(self, number: str) -> str:
        grouped = re.match(rf"\d{{1,3}}(?:{re.escape(self.group)}\d{{3}})+(?!\d)", number)
        return grouped[0].replace(self.group, "") + number[grouped.end() :] if grouped else number

    def money(self, number: str, magnitude: str | None, sign: str) -> str:
        whole, part, _ = self.parse(number)
        units, hundredths = self.currencies[sign]
        if magnitude:
            return self.large(number, self.magnitudes[magnitude], units)
        if len(part) != 2 or len(whole) > _LONGEST:
            return self.amount(number, units)
        cents = part.ljust(2, "0")
        words = [self.amount(whole, units)] if int(whole) else []
        words += [self.amount(cents.lstrip("0"), hundredths)] if int(cents) else []
        return " ".join(words) or self.amount("0", units)
