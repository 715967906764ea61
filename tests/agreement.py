"""Holds the growth tool against an independent implementation of WHO's standards: `tests/run agreement` runs it.

    agreement.py ADDRESS [CHILDREN]

Random children of 0 to 60 months, each weighed and measured: their z-scores must be those of `pygrowup2`, to the two decimals
that both print.
"""

import http.client
import json
import random
import sys
from decimal import Decimal

from pygrowup import Observation

SEED = 20261123
STANDING_FROM_DAYS = 731


def a_child(dice):
    """Sex, age and figures from far below to far above what children have."""
    days = dice.randint(1, 1826)
    shortest, tallest = (45.1, 109.9) if days < STANDING_FROM_DAYS else (65.1, 119.9)
    stature = min(max((50 + days**0.6 * 0.65) * dice.uniform(0.78, 1.22), shortest), tallest)
    weight = (stature / 100) ** 2 * dice.uniform(9, 26)
    head = (34 + min(days, 400) * 0.025 + days * 0.002) * dice.uniform(0.8, 1.2)
    return {
        "sex": dice.choice(["male", "female"]),
        "age_days": days,
        "weight_kg": round(weight, 2),
        "stature_cm": round(stature, 1),
        "head_circumference_cm": round(head, 1),
    }


def of_others(child):
    """What the other program says, by the names of ours."""
    of = Observation(child["sex"], age_in_days=child["age_days"])
    weight, stature, head = (Decimal(str(child[key])) for key in ("weight_kg", "stature_cm", "head_circumference_cm"))
    by_stature = of.wfl if child["age_days"] < STANDING_FROM_DAYS else of.wfh
    return {
        "weight_for_age": of.wfa(weight),
        "stature_for_age": of.lhfa(stature, auto_adjust=False),
        "weight_for_stature": by_stature(weight, stature),
        "bmi_for_age": of.bmifa(weight / (stature / 100) ** 2),
        "head_circumference_for_age": of.hcfa(head),
    }


def ours(connection, child):
    connection.request(
        "POST", "/api/v1/tools/growth-assessment", json.dumps(child), {"content-type": "application/json"}
    )
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit(f"{child}: {answer.status} {body.decode()}")
    return json.loads(body)["who"]


def main(address, children):
    dice, connection = random.Random(SEED), http.client.HTTPConnection(address, timeout=30)
    compared = {}
    for _ in range(children):
        child = a_child(dice)
        told = ours(connection, child)
        for indicator, theirs in of_others(child).items():
            z = Decimal(str(told[indicator]["z"]))
            if z != Decimal(str(theirs)):
                sys.exit(f"{indicator} of {child}: {z}, and {theirs} elsewhere")
            compared[indicator] = compared.get(indicator, 0) + 1
    for indicator, count in compared.items():
        print(f"{indicator:<28} {count:>6} z-scores are equal to two decimals")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000)
