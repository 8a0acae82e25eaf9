"""Invented names. No company, person or place here is meant to exist."""

from __future__ import annotations

from random import Random


def _words(text: str) -> list[str]:
    return text.split()


_HEADS = _words(
    "Hal Bright Pell Ox Wex Red Cal Lind Vant Tor Fen Amble Copper Dun Mar Grey Kest Or Nor Ash Black Cran Dray Elder Fair "
    "Gorse Hather Ivel Jes Kings Lang Merri Nether Oak Pen Quarn Rother Stan Thorn Ul Ven Whit Yar Zel Brock Chal Dell Ever"
)
_TAILS = _words(
    "den moor worth combe fern drey mark ry vik wright cote wick row hithe sett beck by dale field gate ham holt hurst "
    "lake ley mere mont nell port quay ridge shaw stow thorpe vale ward well wold yard bourne"
)
# The trade in the name tells the industry.
_TRADES = (
    ("Freight", "Logistics"), ("Logistics", "Logistics"), ("Couriers", "Logistics"), ("Haulage", "Logistics"),
    ("Shipping", "Logistics"), ("Foods", "Food"), ("Bakeries", "Food"), ("Dairies", "Food"), ("Provisions", "Food"),
    ("Brewing", "Food"), ("Retail", "Retail"), ("Stores", "Retail"), ("Outfitters", "Retail"), ("Books", "Retail"),
    ("Furniture", "Retail"), ("Health", "Healthcare"), ("Clinics", "Healthcare"), ("Dental", "Healthcare"),
    ("Pharmacies", "Healthcare"), ("Care", "Healthcare"), ("Energy", "Energy"), ("Utilities", "Energy"),
    ("Solar", "Energy"), ("Power", "Energy"), ("Marine", "Manufacturing"), ("Tools", "Manufacturing"),
    ("Textiles", "Manufacturing"), ("Castings", "Manufacturing"), ("Instruments", "Manufacturing"),
    ("Print", "Manufacturing"), ("Hotels", "Hospitality"), ("Arenas", "Hospitality"), ("Leisure", "Hospitality"),
    ("Events", "Hospitality"), ("Security", "Services"), ("Cleaning", "Services"), ("Facilities", "Services"),
    ("Legal", "Services"), ("Schools", "Education"), ("Academies", "Education"), ("Learning", "Education"),
    ("Homes", "Construction"), ("Builders", "Construction"), ("Roofing", "Construction"),
)  # fmt: skip
_GIVEN = _words(
    "Ada Aisha Alan Amara Anders Anouk Arjun Beata Bram Carla Chidi Clara Dario Dina Edda Elias Emre Eva Farah Felix Greta "
    "Hana Hugo Ilse Ines Ivo Jana Jonas Kaja Kenji Lara Leon Lucia Maja Malik Marta Mei Milan Nadia Nils Noor Olga Omar "
    "Paula Pedro Priya Rafael Rosa Ruben Sana Sofia Sven Tara Tomas Uma Vera Viktor Wanda Yusuf Zoe"
)
_FAMILY = _words(
    "Abara Aldous Bello Berglind Brandt Castell Cordero Dahl Delgado Dorsey Eklund Farrow Fontana Galvin Gruber Haas Herrera "
    "Hollis Ibarra Jansen Kaur Keller Kovar Lindholm Lorimer Marchetti Mbeki Moreau Nair Novak Okafor Oyelaran Parrish Petrov "
    "Quist Rahman Ranta Sandoval Santoro Tanaka Thorne Ueda Varga Vogel Weber Whitlock Yilmaz Zeman"
)
_TITLES = {
    "champion": ("Head of Operations", "Operations Director", "VP Logistics"),
    "power_user": ("Dispatcher", "Planning Lead", "Senior Analyst"),
    "point_of_contact": ("Office Manager", "Project Manager", "Operations Manager"),
    "sponsor": ("Chief Operating Officer", "Managing Director", "Finance Director"),
    "admin": ("IT Manager", "Systems Administrator"),
    "user": ("Planner", "Coordinator", "Analyst", "Supervisor", "Assistant"),
}
_PAIRS = len(_HEADS) * len(_TAILS)
_COUNT = _PAIRS * len(_TRADES)
# Coprime to the count of names, so that names repeat only after all have been used.
_STRIDE = 40_009


def account_name(index: int, seed: int) -> tuple[str, str]:
    """The name of an account, unlike that of any other index, and its industry."""
    place = (index * _STRIDE + seed * 7919) % _COUNT
    pair, trade = divmod(place, len(_TRADES))
    tail, head = divmod(pair, len(_HEADS))
    word, industry = _TRADES[trade]
    numeral = "" if index < _COUNT else f" {index // _COUNT + 1}"
    return f"{_HEADS[head]}{_TAILS[tail]} {word}{numeral}", industry


def slug(name: str) -> str:
    """A name as a part of an address."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def person_name(rng: Random) -> str:
    """A given and a family name; two people may share one."""
    return f"{_GIVEN[int(rng.random() * len(_GIVEN))]} {_FAMILY[int(rng.random() * len(_FAMILY))]}"


def colleague(place: int) -> str:
    """The name of the place-th of our own people; no two share one."""
    return f"{_GIVEN[(place * 7 + 3) % len(_GIVEN)]} {_FAMILY[(place * 11 + 5 + place // 60) % len(_FAMILY)]}"


def title_of(role: str, rng: Random) -> str:
    """A job title that fits a role."""
    return rng.choice(_TITLES[role])
