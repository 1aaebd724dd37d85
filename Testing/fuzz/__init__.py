"""Damaged files by the thousand: each is read or refused by a sentence, and nothing else.

`python -m Testing.fuzz --count 2000 --seed 0` (docs/development.md). `originals` makes the files, `damage` damages
them, `reading` reads them as the command does, `worker` is the process that does so under limits, and `campaign` runs
workers and counts.
"""
