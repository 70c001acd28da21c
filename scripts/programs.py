#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The table of scripts/programs: programs.py [-v] RESULTS RUN...

Each RUN is a folder of RESULTS with the list of programs and what the three guests said:
base.out, patched.out and asked.out.
"""
import difflib
import re
import sys

from tap import lines_of, reports

WAYS = ('base', 'patched', 'asked')


def read_list(path):
    """Name and what a good run prints, of each program."""
    with open(path, encoding='utf-8') as f:
        rows = [line.rstrip('\n').split('\t') for line in f if not line.startswith('#')]
    return [(row[0], re.compile(row[3], re.S | re.M)) for row in rows]


def read_output(path):
    """{program: (status, lines)}; one that did not end has no entry."""
    found, name, lines = {}, None, []
    with open(path, encoding='utf-8', errors='replace') as f:
        for line in f.read().replace('\r', '').split('\n'):
            if line.startswith('@ begin '):
                name, lines = line[8:], []
            elif line.startswith('@ end ') and name:
                found[name] = (int(line.split()[2]), [x for x in lines if x.strip()])
                name = None
            else:
                lines.append(line)
    return found


def values(result):
    """What each probe concludes."""
    if not result:
        return {}
    return dict(line.split('\t', 1) for line in result[1] if '\t' in line)


def short(text, width):
    """In a cell of the table."""
    return text if len(text) <= width else text[:width - 3] + '...'


def first_difference(here, there):
    """The first line that only one of them has."""
    for line in difflib.ndiff(here, there):
        if line[0] in '+-':
            return line[2:]
    return ''


def compare_probes(said):
    """Rows of the table for the program "probes"."""
    of = {way: values(said[way].get('probes')) for way in WAYS}
    names = list(of['base'])
    names += [n for n in of['patched'] if n not in names]
    rows = []
    for name in names or ['probes']:
        base = of['base'].get(name, 'says nothing')
        cells = [of[way].get(name, 'says nothing') for way in WAYS[1:]]
        cells = ['same' if cell == base else cell for cell in cells]
        good = base != 'says nothing' and 'ends with' not in base
        rows.append((name, base, *cells, good and cells[0] == 'same'))
    return rows


def verdict(result, good):
    """How a program ended, without what it said."""
    if result is None:
        return 'did not end'
    status, lines = result
    if status in (124, 137, 143):
        return 'time-out'
    if not good.search('\n'.join(lines)):
        return f'fails ({status}): ' + (lines[-1] if lines else 'says nothing')
    return 'works'


def compare_programs(programs, said):
    """Rows of the table for the other programs."""
    rows = []
    for name, good in programs:
        results = [said[way].get(name) for way in WAYS]
        base = verdict(results[0], good)
        cells = []
        for result in results[1:]:
            if result == results[0] and base == 'works':
                cells.append('same')
            elif (now := verdict(result, good)) == 'works' == base:
                cells.append('differs: ' + first_difference(results[0][1], result[1]))
            else:
                cells.append(now)
        rows.append((name, base, *cells, (base, cells[0]) == ('works', 'same')))
    return rows


def compare_logs(at):
    """What each kernel reports in its log."""
    found = [[re.sub(r'^\[[^]]*\] *', '', x) for x in reports(lines_of(f'{at}/{way}.log'))]
             for way in WAYS]
    cells = [x[0] if x else 'no report' for x in found]
    return ('kernel log', cells[0], *('same' if c == cells[0] else c for c in cells[1:]),
            cells[:2] == ['no report'] * 2)


def main():
    """Print all; the exit status tells whether the patched kernel does as the base."""
    args = sys.argv[1:]
    verbose = args[0] == '-v'
    if verbose:
        del args[0]
    folder, runs = args[0], args[1:]
    ends, details = [], []
    for run in runs:
        at = f'{folder}/{run}'
        programs = read_list(f'{at}/list')
        said = {way: read_output(f'{at}/{way}.out') for way in WAYS}
        rows = []
        if any(name == 'probes' for name, _ in programs):
            rows += compare_probes(said)
        rows += compare_programs([p for p in programs if p[0] != 'probes'], said)
        rows.append(compare_logs(at))
        print(f'{run:27}{"base":41}{"patched":29}patched, and asked')
        for name, *cells, good in rows:
            base, patched, asked = (short(c, n) for c, n in zip(cells, (39, 27, 60)))
            print(f'{short(name, 26):27}{base:41}{patched:29}{asked}')
            ends.append((good, f'{run}: {name}'))
            if verbose and cells[1:] != ['same', 'same']:
                details.append(f'{run}: {name}')
                for way, cell in zip(WAYS, cells):
                    lines = said[way][name][1] if name in said[way] else [cell]
                    details += [f'\t{way}\t{line}' for line in lines]
        print()
    for line in details + ['ok      ' * good + 'FAILED  ' * (not good) + name
                           for good, name in ends]:
        print(line)
    failed = sum(not good for good, _ in ends)
    print(f'programs: {len(ends) - failed} of {len(ends)} are on the patched kernel as on the base')
    return 1 if failed else 0


sys.exit(main())
