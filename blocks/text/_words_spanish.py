"""Spanish: tables of how signs, units and short words are said."""

WORDS = {
    ".": "punto", "/": "barra", "-": "guion", "@": "arroba", "_": "guion bajo", ":": "dos puntos", "?": "signo de interrogación",
    "=": "es igual a", "&": "y", "%": "por ciento", "+": "más", "#": "numeral", "~": "aproximadamente", "minus": "menos", "to": "a", "per": "por",
    "by": "por", "of": "sobre", "over": "sobre", "times": "por", "divided": "entre", "slash": "", "ratio": "a", "root": "raíz cuadrada de", "and": "y",
    "version": "versión", "version point": "punto", "point": "coma", "at": "arroba", "<": "es menor que", ">": "es mayor que",
    "≤": "es menor o igual que", "≥": "es mayor o igual que", "≠": "no es igual a", "≈": "aproximadamente", "±": "más o menos",
    "before ≥": "mayor o igual que", "before ≤": "menor o igual que", "before <": "menor que", "before >": "mayor que",
}  # fmt: skip
_CENT, _DOLLAR, _EURO, _POUND = ("centavo", "centavos"), ("dólar", "dólares"), ("euro", "euros"), ("libra", "libras")
_YEN = ("yen", "yenes")
CURRENCIES = {
    "$": (("peso", "pesos"), _CENT), "U$S": (_DOLLAR, _CENT), "US$": (_DOLLAR, _CENT), "USD": (_DOLLAR, _CENT), "€": (_EURO, ("céntimo", "céntimos")),
    "EUR": (_EURO, ("céntimo", "céntimos")), "M€": (("millón de euros", "millones de euros"), _CENT), "£": (_POUND, ("penique", "peniques")),
    "GBP": (_POUND, ("penique", "peniques")), "¥": (_YEN, ("sen", "sen")), "MXN": (("peso", "pesos"), _CENT), "₽": (("rublo", "rublos"), ("kopek", "kopeks")),
    "¢": (_CENT, _CENT), "₡": (("colón", "colones"), _CENT), "₺": (("lira", "liras"), ("kurus", "kurus")), "₴": (("grivna", "grivnas"), ("kopek", "kopeks")), "CHF": (("franco suizo", "francos suizos"), _CENT), "₹": (("rupia", "rupias"), _CENT),
    "₿": (("bitcoin", "bitcoins"), _CENT),
}  # fmt: skip
MAGNITUDES = {"k": "mil", "K": "mil", "mil": "mil", "M": "millones", "m": "millones", "millones de": "millones", "millones": "millones", "millón de": "millón",
              "mil millones de": "mil millones", "mil millones": "mil millones", "billones de": "billones", "billones": "billones"}  # fmt: skip
_UNITS = {
    "km": "kilómetro", "cm": "centímetro", "mm": "milímetro", "µm": "micrómetro", "µg": "microgramo", "µF": "microfaradio", "nF": "nanofaradio", "pF": "picofaradio", "µs": "microsegundo", "nm": "nanómetro", "m": "metro", "kg": "kilogramo",
    "mg": "miligramo", "g": "gramo", "gr": "gramo", "ms": "milisegundo", "l": "litro", "L": "litro", "ml": "mililitro", "mL": "mililitro", "cl": "centilitro",
    "KB": "kilobyte", "kB": "kilobyte", "Kb": "kilobit", "Mb": "megabit", "Gb": "gigabit", "kb": "kilobit", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "dB": "decibelio", "h": "hora", "hs": "hora", "min": "minuto", "s": "segundo", "seg": "segundo", "lb": "libra", "lbs": "libra", "°": "grado",
    "W": "vatio", "kW": "kilovatio", "MW": "megavatio", "V": "voltio", "kV": "kilovoltio", "kcal": "kilocaloría", "cal": "caloría",
    "Ω": "ohmio", "kΩ": "kiloohmio", "CV": "caballo", "ha": "hectárea", "t": "tonelada", "mA": "miliamperio", "px": "píxel",
    "\"": "pulgada", "″": "pulgada", "oz": "onza", "N": "newton", "J": "julio", "Pa": "pascal",
}  # fmt: skip
UNITS = {sign: (one, one + "s") for sign, one in _UNITS.items()} | {
    "%": ("por ciento",) * 2, "‰": ("por mil",) * 2, "m/s^2": ("metro por segundo al cuadrado", "metros por segundo al cuadrado"), "°C": ("grado Celsius", "grados Celsius"), "°F": ("grado Fahrenheit", "grados Fahrenheit"),
    "ºC": ("grado Celsius", "grados Celsius"), "Hz": ("hercio", "hercios"), "kHz": ("kilohercio", "kilohercios"),
    "MHz": ("megahercio", "megahercios"), "GHz": ("gigahercio", "gigahercios"), "kWh": ("kilovatio hora", "kilovatios hora"),
    "km/h": ("kilómetro por hora", "kilómetros por hora"), "m/s": ("metro por segundo", "metros por segundo"),
    "Mbps": ("megabit por segundo", "megabits por segundo"), "Gbps": ("gigabit por segundo", "gigabits por segundo"), "px": ("píxel", "píxeles"),
    "rpm": ("revolución por minuto", "revoluciones por minuto"),
}  # fmt: skip
UNITS |= {f"{sign}^{n}": (f"{one} {how}", f"{one}s {how}s") for sign, one in (("m", "metro"), ("km", "kilómetro"), ("cm", "centímetro"))
          for n, how in ((2, "cuadrado"), (3, "cúbico"))}  # fmt: skip
SYMBOLS = {
    "&": "y", "*": "asterisco", "#": "numeral", "+": "más", "=": "es igual a", "@": "arroba", "%": "por ciento", "/": "barra", "§": "sección",
    "×": "por", "÷": "entre", "±": "más o menos", "$": "pesos", "€": "euros", "£": "libras", "¥": "yenes", "₡": "colones", "¢": "centavos",
    "º": "grados", "ª": " ", "≈": "aproximadamente", "≤": "menor o igual que", "≥": "mayor o igual que", "≠": "distinto de", "µ": "micro",
    "‰": "por mil", "Ω": "ohmio", "∞": "infinito", "−": "menos", "₽": "rublos", "₹": "rupias", "№": "número",
}  # fmt: skip
ABBREVIATIONS = {
    "cda": "cucharada", "cdas": "cucharadas", "cdta": "cucharadita", "cdtas": "cucharaditas", "hab": "habitantes", "párr": "párrafo",
    "párrs": "párrafos", "ss. mm": "Sus Majestades", "ss. pp": "Santos Padres", "e.e.u.u": "Estados Unidos", "ap": "apartado",
    "sr": "señor", "sra": "señora", "srta": "señorita", "sres": "señores", "dr": "doctor", "dra": "doctora", "dña": "doña",
    "ud": "usted", "uds": "ustedes", "vd": "usted", "vds": "ustedes", "prof": "profesor", "profa": "profesora", "lic": "licenciado",
    "ing": "ingeniero", "arq": "arquitecto", "gral": "general", "cnel": "coronel", "cap": "capítulo", "caps": "capítulos", "etc": "etcétera",
    "av": "avenida", "avda": "avenida", "pza": "plaza", "plza": "plaza", "pl": "plaza", "ctra": "carretera", "tel": "teléfono", "teléf": "teléfono",
    "pág": "página", "págs": "páginas", "pp": "páginas", "p. ej": "por ejemplo", "ee. uu": "Estados Unidos", "ee.uu": "Estados Unidos",
    "rr. hh": "Recursos Humanos", "ff. aa": "Fuerzas Armadas", "jj. oo": "Juegos Olímpicos", "cc. oo": "Comisiones Obreras",
    "ext": "extensión", "aprox": "aproximadamente", "depto": "departamento", "dpto": "departamento", "dto": "descuento", "art": "artículo",
    "arts": "artículos", "vol": "volumen", "fig": "figura", "figs": "figuras", "ed": "edición", "núm": "número", "sta": "santa", "sto": "santo",
    "fco": "Francisco", "mª": "María", "máx": "máximo", "mín": "mínimo", "a. c": "antes de Cristo", "d. c": "después de Cristo", "s": "siglo",
    "adm": "administración", "cía": "compañía", "izq": "izquierda", "dcha": "derecha", "edo": "estado", "min": "minutos",
    "p. m": "p m", "a. m": "a m", "c. p": "código postal", "q. e. p. d": "que en paz descanse", "atte": "atentamente", "ca": "circa", "vs": "versus", "nro": "número",
}  # fmt: skip
MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
# Regions that write $ for their pesos; elsewhere it is the dollar.
PESOS = "AR CL CO CU DO MX PH UY 419".split()
SHORT_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "septiembre"}
CLOSING = (
    "hab",
    "etc",
    "ud",
    "uds",
    "vd",
    "vds",
    "a. c",
    "d. c",
    "p. m",
    "a. m",
    "ee. uu",
    "ee.uu",
    "rr. hh",
    "ff. aa",
    "jj. oo",
    "cía",
    "máx",
    "mín",
)
REGNAL = (
    "Alfonso Felipe Carlos Fernando Isabel Juan Pablo Pedro Enrique Luis Jaime Sancho Ramiro Alejandro Benedicto "
    "Pío León Gregorio Clemente Inocencio Urbano Francisco Napoleón Nicolás Catalina Jorge Eduardo Guillermo "
    "Ricardo María Iván Federico Ana Jacobo Manuel José Amadeo Bonifacio Adriano Julio Sixto Víctor Óscar Haakon "
    "Harald Gustavo Margarita Cristián Ramsés Tutmosis Amenofis Ptolomeo Darío Jerjes Ciro Artajerjes Cleopatra Leopoldo "
    "Balduino Humberto Maximiliano Constantino Rodolfo Otón Boleslao Esteban"
).split()
WOMEN = ("Isabel", "Catalina", "María", "Ana", "Margarita", "Victoria")
HEADS = (
    "capítulo tomo parte acto libro volumen título sección artículo escena fase tipo nivel grado anexo tabla clase"
).split()
# Nouns with another gender than their end tells.
MASCULINE = (
    "días mapas programas problemas idiomas temas sistemas planetas poetas climas dramas artistas turistas dálmatas "
    "kilogramas futbolistas participantes policías guardias sofás papás dilemas telegramas diplomas fantasmas "
    "esquemas taxistas periodistas"
).split()
FEMININE = (
    "mujeres veces noches manos calles partes clases flores leyes luces voces razones imágenes personas tardes "
    "sales naves nubes llaves fases bases frases redes paredes sedes edades ciudades unidades actividades "
    "universidades cantidades canciones habitaciones estaciones opciones lecciones acciones naciones regiones "
    "páginas vez mano noche mujer calle parte clase flor ley luz voz razón imagen tarde persona vuelta ciudad "
    "unidad canción habitación estación opción lección acción región"
).split()
NO_NOUNS = (
    "de del a y o u e en es con por p al para que son menos más entre fue era ha se no como el la los las lo un una su sus"
).split()
# Words that begin a sentence.
STARTERS = (
    "A Al Así Aquí Ayer Aunque Cada Como Cuando De Desde Después El Ella Ellos En Entonces Es Esa Ese Eso Esta Este Esto "
    "Están Fue Hay Hoy La Las Lo Los Me Mi Muchos Nadie Ni No Nos Nosotros Para Pero Por Porque Que Se Si Sin Su Sus "
    "También Tenemos Todo Todos Un Una Y Ya Yo"
).split()
