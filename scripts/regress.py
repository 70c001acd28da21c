#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Read and compare what scripts/guest-regress prints.

  regress.py results OUT
      One line a test: its name, the result (pass, fail, skip, time-out, left
      out), how many cases were ok, not ok and skipped, and the seconds it
      took, separated by tabs.
  regress.py worse A B
      The names of tests that came out worse in the results A than in B.
  regress.py best A B
      A, but with the better result of those tests that B has too.
  regress.py compare [-v] DIR REASONS
      The results DIR/base and DIR/patched side by side, the reports in the
      logs DIR/base*.log and DIR/patched*.log, and a verdict for each test.
      REASONS is configs/regress.
"""
import glob
import re
import sys

from tap import RESULT, lines_of, reports

END = 'the run'
LOG = 'the kernel log'
RANK = ['none', 'left out', 'time-out', 'fail', 'skip', 'pass']


def results(out):
    cases, said, seconds, collection = {}, [], '', ''
    lines = lines_of(out)
    for line in lines:
        m = RESULT.match(line)
        if line.startswith('# '):
            inner = line[2:]
            m = RESULT.match(inner)
            if inner.startswith('running '):
                cases, said, seconds = {}, [], ''
            elif inner.startswith('regress: tests of '):
                collection = inner[18:] + '/'
            elif inner.startswith('regress: '):
                said.append(inner[9:])
                seconds = inner.split()[1] if inner.endswith(' seconds') else ''
            elif m:
                # Some repeat themselves a random number of times.
                name = re.sub(r'\(iteration \d+\)', '', m[3])
                cases[name if name != m[3] else f'{m[2]} {name}'] = (
                    'skip' if m[4] in ('SKIP', 'XFAIL') else 'not ok' if m[1] else 'ok')
        elif m:
            name, end = m[3], 'pass'
            if m[4] == 'SKIP':
                end = 'skip'
            elif m[1]:
                name, _, end = name.rpartition(' # exit=')
                # What timeout exits with.
                end = 'time-out' if end in ('124', '137') else 'fail'
            if 'left out' in said:
                end = 'left out'
            if 'not chosen' not in said:
                yield (collection + name, end, *(list(cases.values()).count(kind)
                                    for kind in ('ok', 'not ok', 'skip')), seconds)
    if '# regress: end' in lines:
        yield END, 'pass', 1, 0, 0, ''


def read(path):
    found = {}
    for line in lines_of(path):
        name, end, *numbers = line.split('\t')
        found[name] = (end, *map(int, numbers[:3]), numbers[3])
    return found


def show(found):
    for name, row in found:
        print(name, *row, sep='\t')


def value(row):
    """What makes a result better than another; nothing else counts."""
    end, ok = row[:2] if row else ('none', 0)
    # What a test had told before its time ran out is chance.
    return RANK.index(end), ok if end not in ('time-out', 'left out') else 0


def worse(a, b):
    return [name for name in b if value(a.get(name)) < value(b[name])]


def cell(row):
    if not row:
        return 'did not run'
    end, ok, bad, skipped, seconds = row
    text = end
    if ok or bad or skipped:
        text += f' {ok}/{bad}/{skipped}'
    return text


def plain(line):
    """A report without what differs from boot to boot."""
    line = re.sub(r'^(\[[^]]*\])+ ?', '', line)
    return re.sub(r'0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+', 'N', line)


def logged(pattern):
    found = {}
    for path in sorted(glob.glob(pattern)):
        for line in reports(lines_of(path)):
            found.setdefault(plain(line), line)
    return found


def compare(where, reasons, verbose):
    base, patched = read(f'{where}/base'), read(f'{where}/patched')
    reason = dict(line.split('\t')[:2] for line in lines_of(reasons)
                  if line and not line.startswith('#'))
    verdicts, rows, seen = [], [], {}
    for name in list(base) + [n for n in patched if n not in base]:
        a, b = base.get(name), patched.get(name)
        both = f'base {cell(a)}, patched {cell(b)}'
        if name == END:
            continue
        if a and a[0] == 'left out':
            state, why, kind = 'skipped', f'left out: {reason.get(name, "")}', 'left out'
        elif value(b) < value(a):
            state, why, kind = 'FAILED', both, 'worse on the patched kernel'
        elif not a or a[0] != 'pass':
            state, why, kind = 'skipped', both, 'pass on neither'
            if b and b[0] == 'pass':
                kind = 'pass on the patched kernel only'
        else:
            state, why, kind = 'ok', '', 'pass on both'
        seen[kind] = seen.get(kind, 0) + 1
        verdicts.append((state, name, why))
        if verbose or state != 'ok' or a[1:4] != b[1:4]:
            rows.append((name, cell(a), cell(b), kind if state != 'ok' else ''))
    for what, found in ('base', base), ('patched', patched):
        verdicts.append(('ok' if END in found else 'FAILED', f'{END} on the {what} kernel',
                         '' if END in found else 'it did not come to its end'))
    before, after = logged(f'{where}/base*.log'), logged(f'{where}/patched*.log')
    new = [after[line] for line in after if line not in before]
    verdicts.append(('FAILED' if new else 'ok', LOG, ' | '.join(new[:10])))

    rows.insert(0, ('test', 'base', 'patched', ''))
    width = [max(len(row[i]) for row in rows) for i in range(3)]
    print('Cases: ok/not ok/skipped' + ('' if verbose else '; all else: the same, passed'))
    for row in rows:
        print('  '.join([t.ljust(w) for t, w in zip(row, width)] + [row[3]]).rstrip())
    for what, found in ('base', base), ('patched', patched):
        total = [sum(row[i] for name, row in found.items() if name != END) for i in (1, 2, 3)]
        print(f'{what}: {total[0]} cases ok, {total[1]} not ok, {total[2]} skipped')
    for what, lines in ('base', before), ('patched', after):
        print(f'log of the {what} kernel: {len(lines)} kinds of reports')
        for line in list(lines.values())[:10]:
            print(f'    {line}')
    print(f'{sum(seen.values())} tests: '
          + ', '.join(f'{n} {kind}' for kind, n in seen.items()) + '\n')
    for state, name, why in verdicts:
        print(f'{state:8}selftest {name}' + (f': {why}' if why else ''))
    return 1 if any(state == 'FAILED' for state, _, _ in verdicts) else 0


def main(argv):
    command, args = argv[:1], [a for a in argv[1:] if a != '-v']
    if command == ['results'] and len(args) == 1:
        show((row[0], row[1:]) for row in results(args[0]))
    elif command == ['worse'] and len(args) == 2:
        for name in worse(read(args[0]), read(args[1])):
            print(name)
    elif command == ['best'] and len(args) == 2:
        a, b = read(args[0]), read(args[1])
        show((name, b[name] if name in worse(a, b) else a[name]) for name in a)
    elif command == ['compare'] and len(args) == 2:
        return compare(*args, '-v' in argv)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
