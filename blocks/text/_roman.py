"""Roman numerals as they are written in texts: up to 89, since C, D, M and XL are rather something else."""

ROMAN = r"(?=[IVXL])(L?X{0,4}(?:IX|IV|V?I{0,3}))"


def roman(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0]))
