"""The numbers of the pace and their reasons, shared by `pace.py` and `pace.lua`.

Margins are shares of an interval, holds are in intervals, and other times are in seconds.
"""

FIRST_MARGIN = 0.05
GREATEST_BY_JITTER, GREATEST_MARGIN = 1.0, 3.0
"""Jitter never calls for a margin of more than a whole interval.

A rate that is believed to be four times the allowed one calls for a margin of three.
"""
TARGET = 0.015
"""The share of refusals at which the margin settles.

Fewer refusals would cost more in spacing than they save.
"""
GAIN, FLOOR, SMOOTHING = 0.6, 0.01, 1 / 16
"""A step of the margin is GAIN times the deviation of round trips in intervals.

It is at most GAIN times the margin, since a service may take most of a round trip's time after it
has counted the request. It is at least GAIN times FLOOR. SMOOTHING is the weight of one measurement
in the running means.
"""
SOON, GREATEST_STRIDE = 4, 32
"""A refusal within SOON successes of the last one doubles the stride, a factor of FLOOR.

Such a refusal means that the allowed rate is lower than believed.
"""
EASE, EASE_DEVIATIONS, EASE_FLOOR = 0.1, 5, 0.015
"""A margin that is too wide shrinks by the share EASE of itself at each success.

A margin is too wide if it is above EASE_FLOOR and above EASE_DEVIATIONS deviations of the round
trips, in intervals. It is a guess then, or a thing of the past.
"""
FIRST_PATIENCE, GREATEST_PATIENCE, LONG_CALM = 8, 128, 40
"""The patience is the number of successes since the last refusal before the margin is eased.

It doubles each time that easing ended in a refusal. A margin that is not too wide is eased after
LONG_CALM more successes, since a server that allows bursts refuses nothing.
"""
FRESH = 30
"""As long as nothing was refused, each count of successes begins at FRESH.

So a server that allows bursts is known after ten calls more. One that does not refuses a call once.
"""
RESTED, UNREFUSED = 10, 20
"""The patience is halved after RESTED times as many successes without a refusal.

The refusals that taught it are long past by then. So the margin may also go below nothing. Where
nothing was ever refused, it may do so after UNREFUSED successes.
"""
OUTWARD_STEP, MOST_OUTWARD, MOST_EXCESS = 0.1, 0.5, 2
"""A request is believed to have been late by a share of what its round trip took beyond the usual.

A refusal moves that share by OUTWARD_STEP times the excess of the round trip before, in deviations
and at most MOST_EXCESS of them. Where nothing else is known, half was on the way there at most.
"""
PROVEN, PROVEN_DEVIATIONS = 10, 4
TRUST, TRUSTED_INTERVALS, LONGEST_TRUST = 30.0, 300, 300.0
"""PROVEN successes in a row prove a margin for TRUST seconds or TRUSTED_INTERVALS, the longer.

At slow rates they prove it for LONGEST_TRUST seconds.

A trusted margin is not widened beyond one step of easing and EASE_FLOOR, or beyond
PROVEN_DEVIATIONS deviations of the round trips if that is more. If the immediate repeat of a
refused request is refused as well, a trusted margin was not too narrow: another program is using
the rate. A limit that was really lowered is learnt when the trust is over.
"""
RIVALRY = 20
"""Starts after such a repeat during which no refused request is repeated at once."""
NEVER = 1000.0
"""A margin that no start has."""
SHORTEST_HOLD, LONGEST_HOLD = 1, 8
"""Intervals. Another program leaves the rate alone for one after each request of its own.

LONGEST_HOLD bounds the delay of the first probe after an outage.
"""
PHASE = 0.6180339887498949
"""The golden ratio. Each hold is shorter by a multiple of it, modulo an interval.

Such holds do not fall in step with another program.
"""
LONGEST_RETRY_AFTER = 120.0
LATENESS, LATEST = 0.002, 0.01
"""The next start makes up for a timer up to LATENESS late, as far as the margin covers it.

Where nothing is refused for long, it makes up for one up to LATEST late without a margin.
"""
LONGEST_LEAD = 0.005
"""A longer lead is a connection being made, and the next request need not wait for that."""
MOST_WAITED = 2
"""Intervals. A request of another process that is to go out later is not waited for."""
MOST_AHEAD = 100_000
"""Intervals after a hold. No fleet reserves a start later: such a time in Redis is corrupt."""
RESOLUTION = 1e-9
"""A start that is due sooner than this is due now, since adding a wait to a clock rounds."""
