"""Whole nodes in one process: what each has and does is the code that runs in production; clock, network and disk
are made here, from a seed, so that whatever goes wrong can be made to happen again.

    plan = make_plan(seed)
    run(plan)                   # LawBroken with what was broken, and by which step
"""
