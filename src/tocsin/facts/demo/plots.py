"""How each story sets the causes of an account (the table is in `stories.py`)."""

from __future__ import annotations

from tocsin.facts.demo.draws import between
from tocsin.facts.demo.life import Change, Deal, Life, Wave
from tocsin.facts.demo.window import SPAN


def turning(when: float, first: float = 70, last: float = SPAN - 3, weeks: float = 6) -> float:
    """The day on which a story turns: a third of them in the last weeks, the rest evenly before."""
    recent = last - 7 * weeks
    return recent + 7 * weeks * when / 0.3 if when < 0.3 else first + (recent - first) * (when - 0.3) / 0.7


def healthy(life: Life, case: str, when: float) -> None:
    """Steady use with a slow drift."""
    rng = life.rng
    life.curve = [(0, 1.0), (SPAN, between(rng, 0.93, 1.2))]
    if case == "leaves_unwarned":
        life.leave(turning(when, 120), rng.choice(("Acquired", "Budget cut", "Company closed")), rng.choice((0, 20, 45)))


def growth(life: Life, case: str, when: float) -> None:
    """A new use case fills the seats; the upgrade follows, or does not."""
    rng = life.rng
    life.at_least(10)
    full = 130 + when * (SPAN + 40 - 130)
    start = full - between(rng, 100, 170)
    life.older_than(start - 60)
    life.marks |= {"growth": start, "seats_full": full}
    begin = life.filled[0][1]
    life.filled = [(start, begin), (full, 1.0)]
    life.curve = [(start, 1.0), (full, 1.35)]
    life.curious.append((full - 25, full + 25))
    closed = full + between(rng, 18, 60)
    if case == "upgrades":
        life.deals.append(Deal(full - 15, closed, "won"))
        factor = between(rng, 1.3, 1.8)
        life.changes.append(Change(closed, factor, 1 if life.plan != "Enterprise" and rng.random() < 0.5 else 0))
        life.filled += [(closed, 1.0), (closed + 1, 1.05 / factor), (closed + 240, 0.85)]
        life.marks["upgraded"] = closed
    else:
        life.deals.append(Deal(full - 5, closed + 25, "lost"))


def champion_leaves(life: Life, case: str, when: float) -> None:
    """The one who wanted the product is gone; who takes over decides."""
    rng = life.rng
    gone = turning(when, 75)
    life.champion_exit, life.champion_role = gone, rng.random() < 0.4
    life.marks["champion_left"] = gone
    if case == "unharmed":
        life.successor = gone + between(rng, 2, 12)
        life.older_than(gone - 120)
        return
    fall = gone + between(rng, 7, 14)
    low = between(rng, 0.15, 0.35) if case == "churns" else between(rng, 0.5, 0.65)
    bottom = fall + between(rng, 45, 70)
    life.marks |= {"decline": fall, "bottom": bottom}
    life.curve = [(fall, 1.0), (bottom, low)]
    life.waves.append(Wave(fall + 20, 35, rng.randint(3, 6), rng.randint(0, 1), 4.0))
    life.sentiment = [(gone, 0.3), (bottom, -0.35)]
    life.nps = [(gone, 8.2), (gone + 1, 5.0)]
    if case == "churns":
        if rng.random() < 0.65:
            life.flag(fall + between(rng, 25, 50), rng.choice(("medium", "high")))
        life.leave(bottom + between(rng, 20, 75), "Champion left", rng.choice((0, 15, 30, 45)))
        life.older_than(gone - 120)
        return
    life.successor = fall + between(rng, 25, 40)
    life.flag(fall + 20, "high")
    life.flag(bottom + 60, None)
    life.care.append((fall + 18, bottom + 30))
    life.curve.append((bottom + 40, 0.97))
    life.sentiment.append((bottom + 40, 0.4))
    life.marks["recovered"] = bottom + 40
    life.older_than(gone - 120)


def silent_churn(life: Life, case: str, when: float) -> None:
    """Nobody complains, the answers are kind, and fewer come each week."""
    rng = life.rng
    last = 135 + when * (SPAN + 130 - 135)
    fade, bottom = last - between(rng, 130, 170), last - between(rng, 15, 35)
    life.marks |= {"decline": fade, "bottom": bottom}
    life.curve = [(fade, 1.0), (bottom, between(rng, 0.12, 0.3))]
    life.ticket_factor = 0.3
    life.nps = [(0, 9.0)]
    if case == "churns":
        life.leave(last, rng.choice(("No longer needed", "Competitor", "Project ended")), rng.choice((0, 0, 14, 30)))
    else:
        life.ends_at(last)
        life.curve.append((last + 60, 1.0))
        life.marks["recovered"] = last + 60
    life.older_than(fade - 60)


def noisy_healthy(life: Life, case: str, when: float) -> None:
    """Loud, demanding, loyal."""
    rng = life.rng
    life.volatility, life.error_rate, life.ticket_factor = 0.38, 0.03, 4.5
    life.sentiment, life.nps = [(0, 0.0)], [(0, 7.4)]
    day = 30.0 + 60 * when
    while day < SPAN:
        life.waves.append(Wave(day, 10, rng.randint(2, 4), rng.randint(0, 1), 2.0))
        day += between(rng, 60, 120)
    if case == "leaves":
        life.leave(turning(when, 150), "Product quality", 30)


def seasonal(life: Life, case: str, when: float) -> None:
    """Their trade rests in August and around the new year."""
    life.season = between(life.rng, 0.5, 0.72)
    if case == "leaves":
        life.leave(turning(when, 120), "Seasonal business closed", 0)


def stalled_onboarding(life: Life, case: str, when: float) -> None:
    """Bought with good intentions and nobody to do it."""
    rng = life.rng
    start = 20 + (SPAN - 35 - 20) * (1 - when * when)
    life.starts_at(start)
    life.term = max(life.term, 12)
    life.starts_at(start)
    life.stuck = True
    low = between(rng, 0.04, 0.16)
    life.filled = [(start, 0.25)]
    life.curve = [(start, low)]
    life.sentiment = [(start, 0.2), (start + 60, -0.2)]
    life.marks["stalled"] = start + 7
    if case == "churns":
        life.churn, life.reason = float(int(start + between(rng, 110, 240))), "Never launched"
        life.cancel = life.churn - rng.choice((10, 30))
        life.marks["churned"] = life.churn
        if rng.random() < 0.6:
            life.flag(start + between(rng, 50, 80), "high")
    elif case == "recovers":
        life.launched = start + between(rng, 60, 110)
        life.curve += [(life.launched - 25, low), (life.launched + 10, 1.0)]
        life.filled += [(life.launched - 25, 0.3), (life.launched + 60, 0.65)]
        life.care.append((life.launched - 40, life.launched))
        life.marks["launched"] = life.launched
    else:
        life.launched = start + between(rng, 120, 170)
        life.curve += [(life.launched, 0.4)]


def late_payer(life: Life, case: str, when: float) -> None:
    """Happy with the product, slow with the money."""
    life.pay_delay = between(life.rng, 18, 42)
    life.marks["always_late"] = max(0.0, life.created)
    if case == "leaves":
        life.pay_delay += 25
        life.leave(turning(when, 150), "Insolvent", 0)


def integration_removed(life: Life, case: str, when: float) -> None:
    """Half of the use came through one feed, and their IT cut it."""
    rng = life.rng
    cut = turning(when, 80)
    life.at_least(24)
    life.older_than(cut - 120)
    low = between(rng, 0.35, 0.55)
    life.marks["disconnected"] = cut
    life.curve = [(cut, 1.0), (cut + 14, low)]
    life.waves.append(Wave(cut + 2, 12, rng.randint(1, 3), 0, 4.0))
    back = None
    if case == "reconnects":
        back = cut + between(rng, 20, 45)
        life.curve += [(back, low), (back + 14, 0.97)]
        life.care.append((cut + 5, back))
        life.marks["reconnected"] = back
    elif case == "churns":
        life.leave(cut + between(rng, 80, 150), "Moved to another tool", rng.choice((15, 30)))
        life.older_than(cut - 120)
        if rng.random() < 0.5:
            life.flag(cut + 40, "medium")
    else:
        life.curve.append((cut + 120, 0.7))
    life.feed, life.cut = True, (cut, back)


def support_crisis(life: Life, case: str, when: float) -> None:
    """A release goes wrong for them; someone must stand up."""
    rng = life.rng
    hit = turning(when, 75, weeks=2.5)
    life.older_than(hit - 100)
    life.marks["crisis"] = hit
    life.waves.append(Wave(hit, 9, rng.randint(6, 9), rng.randint(2, 3), 11.0))
    life.errors.append((hit - 1, hit + 22, 0.1))
    low = between(rng, 0.5, 0.65)
    life.curve = [(hit, 1.0), (hit + 16, low)]
    life.sentiment = [(hit - 1, 0.35), (hit + 2, -0.6)]
    life.nps = [(hit - 1, 8.3), (hit + 2, 3.6)]
    life.flag(hit + 3, "high")
    if case == "rescued":
        life.care.append((hit + 2, hit + 40))
        life.curve.append((hit + 48, 1.02))
        life.sentiment.append((hit + 45, 0.55))
        life.nps += [(hit + 60, 3.6), (hit + 100, 8.6)]
        life.flag(hit + 55, None)
        life.marks["recovered"] = hit + 48
    else:
        life.curve.append((hit + 75, 0.3))
        life.leave(hit + between(rng, 75, 120), "Product quality", rng.choice((15, 30)))
        life.older_than(hit - 100)


def trial(life: Life, case: str, when: float) -> None:
    """Thirty days to make up their mind."""
    rng = life.rng
    life.seats = min(life.seats, 12)
    life.plan, life.tier = ("Starter" if life.seats < 8 else "Team"), 3
    life.term = 12
    start = turning(when, 40, SPAN - 2)
    if when < 0.3:
        start = SPAN - 31 + 29 * when / 0.3
    life.starts_at(start)
    life.trial_end = float(int(start + 30))
    life.marks |= {"trial": start, "trial_ends": life.trial_end}
    keen = (case == "converts") != (rng.random() < 0.12)
    life.curve = [(start, 1.1), (start + 30, 1.15)] if keen else [(start, 0.6), (start + 12, 0.12)]
    life.filled = [(start, 0.35), (start + 25, 0.7 if keen else 0.4)]
    life.curious.append((start + 12, start + 30))
    if case == "converts":
        life.converted = life.trial_end - rng.choice((0, 0, 1, 3, 6))
        life.anchor = life.converted + life.term_days
        life.curve.append((life.converted + 40, 1.0))
        life.marks["converted"] = life.converted
    else:
        life.churn, life.reason = life.trial_end, "Trial not converted"
        life.marks["churned"] = life.churn


def price_shopper(life: Life, case: str, when: float) -> None:
    """A cost review finds the invoice."""
    rng = life.rng
    cut = turning(when, 80)
    life.at_least(8)
    life.older_than(cut - 150)
    life.curious.append((cut - 40, cut + 5))
    before = life.filled[0][1] * 0.8
    factor = between(rng, 0.62, 0.8)
    life.changes.append(Change(cut, factor, -1 if rng.random() < 0.5 else 0))
    life.filled = [(cut - 60, before), (cut, min(before, 0.9 * factor)), (cut + 1, min(0.9, before / factor))]
    life.curve = [(cut - 60, 1.0), (cut, 0.88)]
    life.sentiment = [(cut - 60, 0.3), (cut, -0.1)]
    life.marks["downgraded"] = cut
    if case == "churns":
        life.curve.append((cut + 80, 0.5))
        life.leave(cut + between(rng, 90, 160), "Price", rng.choice((20, 40)))
        life.older_than(cut - 150)


def dormant_small(life: Life, case: str, when: float) -> None:
    """Bought by a small team and hardly opened since."""
    rng = life.rng
    life.seats, life.plan, life.tier = rng.randint(3, 8), "Starter", 3
    life.term = 12
    life.level = between(rng, 0.03, 0.13)
    life.filled = [(0, 0.8)]
    life.ticket_factor = 0.2
    life.ends_at(90 + when * (SPAN + 250 - 90))
    if case == "churns":
        life.leave(life.anchor, "No longer needed", rng.choice((0, 30)))


def everyday(life: Life) -> None:
    """What happens to anybody: full licences, an ignored account, a false alarm, a slow payment, a small change."""
    rng = life.rng
    life.feed = life.feed or (life.story == "healthy" and life.index % 16 == 5)
    if life.story in {"healthy", "noisy_healthy", "seasonal"} and life.seats >= 10:
        drawn = rng.random()
        if drawn < 0.035:
            life.filled = [(0, 0.7), (SPAN, between(rng, 0.86, 0.99))]
        elif drawn < 0.12:
            life.filled = [(0, between(rng, 0.7, 0.86))]
    if rng.random() < 0.12:
        start = turning(rng.random(), 20, SPAN - 60)
        life.neglect.append((start, start + between(rng, 60, 150)))
    if life.story == "healthy" and rng.random() < 0.05:
        start = between(rng, 20, SPAN - 20)
        life.flag(start, "medium")
        life.flag(start + between(rng, 20, 60), None)
    if life.story == "healthy" and life.churn is None and rng.random() < 0.12:
        day = between(rng, 30, SPAN)
        life.changes.append(Change(day, between(rng, 0.85, 0.95) if rng.random() < 0.3 else between(rng, 1.08, 1.25)))
