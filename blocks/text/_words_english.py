"""English: tables of how signs, units and short words are said."""

WORDS = {
    ".": "dot", "/": "slash", "-": "dash", "@": "at", "_": "underscore", ":": "colon", "?": "question mark", "=": "equals",
    "&": "and", "%": "percent", "+": "plus", "#": "hash", "~": "about", "minus": "minus", "to": "to", "per": "per", "by": "by", "of": "out of", "over": "over",
    "times": "times", "divided": "divided by", "slash": "", "ratio": "to", "root": "square root of", "and": "and",
    "version": "version", "version point": "point", "point": "point", "at": "at", "<": "is less than", ">": "is greater than",
    "≤": "is less than or equal to", "≥": "is greater than or equal to", "≠": "is not equal to", "≈": "approximately",
    "±": "plus or minus", "before ≥": "at least", "before ≤": "at most", "before <": "less than", "before >": "more than",
}  # fmt: skip
_DOLLAR, _CENT = ("dollar", "dollars"), ("cent", "cents")
_POUND, _PENNY, _EURO, _YEN = ("pound", "pounds"), ("penny", "pence"), ("euro", "euros"), ("yen", "yen")
CURRENCIES = {
    "$": (_DOLLAR, _CENT), "US$": (("US dollar", "US dollars"), _CENT), "USD": (("US dollar", "US dollars"), _CENT),
    "CAD": (("Canadian dollar", "Canadian dollars"), _CENT), "AUD": (("Australian dollar", "Australian dollars"), _CENT),
    "Rs.": (("rupee", "rupees"), ("paisa", "paise")), "Rs": (("rupee", "rupees"), ("paisa", "paise")),
    "C$": (("Canadian dollar", "Canadian dollars"), _CENT), "A$": (("Australian dollar", "Australian dollars"), _CENT),
    "£": (_POUND, _PENNY), "GBP": (_POUND, _PENNY), "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "¥": (_YEN, ("sen", "sen")),
    "JPY": (_YEN, ("sen", "sen")), "₹": (("rupee", "rupees"), ("paisa", "paise")), "₽": (("ruble", "rubles"), ("kopek", "kopeks")),
    "RUB": (("ruble", "rubles"), ("kopek", "kopeks")), "₺": (("lira", "liras"), ("kurus", "kurus")), "₴": (("hryvnia", "hryvnias"), ("kopiyka", "kopiykas")), "CHF": (("Swiss franc", "Swiss francs"), ("centime", "centimes")),
    "₩": (("won", "won"), ("jeon", "jeon")), "₿": (("bitcoin", "bitcoins"), _CENT), "¢": (_CENT, _CENT),
}  # fmt: skip
MAGNITUDES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "b": "billion", "B": "billion",
    "bn": "billion", "T": "trillion", "tn": "trillion", "thousand": "thousand", "million": "million", "billion": "billion",
    "trillion": "trillion", "mil": "million",
}  # fmt: skip
_METRIC = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "µm": "micrometer", "m": "meter",
    "kg": "kilogram", "mg": "milligram", "µg": "microgram", "g": "gram", "ms": "millisecond", "µs": "microsecond", "µF": "microfarad", "nF": "nanofarad", "pF": "picofarad", "µA": "microamp", "µV": "microvolt", "µl": "microliter", "µL": "microliter",
    "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "dl": "deciliter",
    "KB": "kilobyte", "kB": "kilobyte", "Kb": "kilobit", "kb": "kilobit", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "dB": "decibel", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "V": "volt", "kV": "kilovolt", "mV": "millivolt",
    "mA": "milliamp", "mAh": "milliamp hour", "kWh": "kilowatt hour", "J": "joule", "kJ": "kilojoule", "N": "newton",
    "Pa": "pascal", "kPa": "kilopascal", "Ω": "ohm", "kΩ": "kilohm", "MΩ": "megohm", "kcal": "kilocalorie", "cal": "calorie",
    "mi": "mile", "lb": "pound", "lbs": "pound", "oz": "ounce", "yd": "yard", "yds": "yard", "gal": "gallon", "qt": "quart",
    "tbsp": "tablespoon", "tsp": "teaspoon", "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute",
    "sec": "second", "secs": "second", "°": "degree", "px": "pixel", "pt": "point", "pts": "point", "ha": "hectare", "wk": "week", "wks": "week", "yr": "year",
    "yrs": "year", "mo": "month",
}  # fmt: skip
_SQUARE = {
    "m": "meter",
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "ft": "foot",
    "mi": "mile",
    "in": "inch",
}
UNITS = {sign: (one, one + "s") for sign, one in _METRIC.items()} | {
    "%": ("percent",) * 2, "‰": ("per mille",) * 2, "m/s^2": ("meter per second squared", "meters per second squared"), "°C": ("degree Celsius", "degrees Celsius"), "℃": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "Hz": ("hertz",) * 2, "kHz": ("kilohertz",) * 2,
    "MHz": ("megahertz",) * 2, "GHz": ("gigahertz",) * 2, "ft": ("foot", "feet"), "hp": ("horsepower",) * 2,
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "rpm": ("revolution per minute", "revolutions per minute"),
    "fps": ("frame per second", "frames per second"), "dpi": ("dot per inch", "dots per inch"), "ppm": ("part per million", "parts per million"),
    "doz": ("dozen",) * 2, "\"": ("inch", "inches"), "″": ("inch", "inches"), "sq ft": ("square foot", "square feet"), "sq. ft.": ("square foot", "square feet"), "sq. ft": ("square foot", "square feet"), "bps": ("bit per second", "bits per second"), "sq m": ("square meter", "square meters"),
}  # fmt: skip
UNITS |= {
    "KG": UNITS["kg"],
    "kgs": UNITS["kg"],
    "KM": UNITS["km"],
    "kms": UNITS["km"],
    "mos": UNITS["mo"],
    "mbps": UNITS["Mbps"],
    "gb": UNITS["GB"],
    "mb": UNITS["MB"],
}
PER = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "yr": "year",
}
UNITS |= {f"{sign}^{n}": (f"{how} {one}", f"{how} {UNITS[sign][1] if sign in UNITS else 'inches'}")
          for sign, one in _SQUARE.items() for n, how in ((2, "square"), (3, "cubic"))}  # fmt: skip
SYMBOLS = {
    "&": "and", "*": "star", "#": "hash", "+": "plus", "=": "equals", "@": "at", "%": "percent", "/": "slash", "§": "section",
    "×": "times", "÷": "divided by", "±": "plus or minus", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees",
    "₽": "rubles", "¢": "cents", "₿": "bitcoin", "≈": "approximately", "≤": "at most", "≥": "at least", "≠": "not equal to", "µ": "micro",
    "‰": "per mille", "Ω": "ohm", "∞": "infinity", "∑": "sum", "−": "minus", "₴": "hryvnia", "₡": "colones", "№": "number",
}  # fmt: skip
ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor", "jr": "junior", "sr": "senior", "vs": "versus",
    "etc": "etcetera", "e.g": "for example", "i.e": "that is", "mt": "mount", "ft": "fort", "approx": "approximately",
    "dept": "department", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "co": "company", "bros": "brothers",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "hwy": "highway", "capt": "captain", "lt": "lieutenant",
    "sgt": "sergeant", "gen": "general", "col": "colonel", "maj": "major", "cpl": "corporal", "sen": "senator",
    "rep": "representative", "gov": "governor", "pres": "president", "rev": "reverend", "hon": "honorable", "st": "saint",
    "ext": "extension", "tel": "telephone", "apt": "apartment", "est": "established", "pg": "page", "pgs": "pages", "rm": "room", "fig": "figure", "figs": "figures",
    "vol": "volume", "ch": "chapter", "eq": "equation", "sec": "section", "al": "al", "no": "number", "nos": "numbers",
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "thurs": "Thursday",
    "fri": "Friday", "sat": "Saturday", "sun": "Sunday", "univ": "university", "assn": "association", "govt": "government",
    "min": "minutes", "max": "maximum", "misc": "miscellaneous", "cf": "compare", "viz": "namely", "esp": "especially", "ca": "circa", "ph.d": "P H D", "m.sc": "M S C", "b.sc": "B S C",
}  # fmt: skip
# Words too: short for something only where a number follows.
BEFORE_NUMBERS = ("no", "nos", "fig", "figs", "vol", "ch", "eq", "sec", "ext", "apt", "est", "pg", "pgs", "rm")
WORDS_TOO = (
    "sat",
    "sun",
    "mon",
    "wed",
    "al",
    "co",
    "gen",
    "col",
    "min",
    "max",
    "rep",
    "fig",
    "st",
    "ft",
    "mt",
    "sec",
    "est",
    "no",
    "gov",
    "hon",
    "rd",
    "ch",
    "eq",
    "pres",
    "fri",
    "apt",
    "pg",
    "pgs",
    "rm",
)
STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "PR RI SC SD TN TX UT VT VA WA WV WI WY"
).split()
COMPASS = {"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
           "SW": "Southwest"}  # fmt: skip
CLOSING = "jr sr etc inc ltd corp co bros ave blvd rd hwy assn dept".split()
STREETS = {"St": "Street", "Dr": "Drive", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Ln": "Lane", "Ct": "Court", "Pl": "Place",
           "Sq": "Square", "Hwy": "Highway", "Pkwy": "Parkway"}  # fmt: skip
# Capitalised words that begin a sentence: no name follows or precedes a street there.
STARTERS = (
    "A An And As At But By For From He Her His I If In It My No Not Of On Or She So The Their There They This To We "
    "When Where With You Your Dear Then That Our Some Many Most All These Those What Who Why How After Before While "
    "Since Although However Please Let Today Now Here Is Are Was Were Do Does Did Can Could Will Would It's I'm Don't"
).split()
DAYS = "Mon Monday Tue Tues Tuesday Wed Wednesday Thu Thurs Thursday Fri Friday Sat Saturday Sun Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
# What a Roman numeral counts: people are ordered, all else is numbered.
REGNAL = (
    "Henry Louis Elizabeth Charles George Edward James William Richard Philip Paul Pius Benedict Leo Gregory "
    "Clement Innocent Urban Francis Alexander Peter Catherine Nicholas Napoleon Ivan Frederick Wilhelm Otto Ramses "
    "Ramesses Ptolemy Darius Xerxes Mary Victoria Ferdinand Alfonso Carlos Felipe Isabel Isabella Haakon Harald "
    "Gustav Sixtus Julius Boniface Celestine Margaret Anne Robert David Stephen Philippe Umberto Victor Emmanuel "
    "Constantine Christian Olav Sigismund Maximilian Rudolf Henri Albert Leopold Cyrus Mehmed Murad Selim Suleiman "
    "Thutmose Amenhotep Cleopatra Artaxerxes Amyntas Boleslaw Casimir Baldwin Bohemond Abdul Mahmud Jean Bonaparte"
).split()
# Verbs of the pronoun: Henry I think.
AFTER_I = (
    "am think know have want believe mean guess hope love like met saw told can can't will won't would could couldn't should "
    "need don't do didn't remember suppose see feel wish wonder thought knew never always really just"
).split()
HEADS = (
    "chapter part section article act scene volume book war type phase stage class level title appendix figure "
    "table bowl rule unit mark canto verse tome step round division category grade factor group"
).split()
