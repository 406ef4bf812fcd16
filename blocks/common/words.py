"""A text as its words alone, for comparing two of them."""

import unicodedata


def plain(text: str) -> str:
    """Words with single spaces between: Unicode NFKC, case folded, all but letters, marks, digits and inner apostrophes gone."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = "".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return " ".join(filter(None, (word.strip("'") for word in text.split())))
