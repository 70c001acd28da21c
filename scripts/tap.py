#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Read what test programs print (TAP) and kernels log.

  tap.py cases FILE
      One line a case: held, failed, skipped or left (out, as privileges or hardware
      are missing), a tab, its name, a tab, why, and in a proof a tab and the program.
      A plan that is not met is a failed case of its own.
  tap.py proof OUT STATUS LOG NAME
      The same for one boot of the proof: OUT is what scripts/guest-proof
      printed, STATUS how scripts/vm ended, LOG the kernel's log.
  tap.py program OUT STATUS LOG
      The same for a program that scripts/vm ran by itself.
  tap.py kunit JSON LOG
      The same for what kunit.py read from a boot's LOG.
  tap.py documented RST CASES
      One case for each row of the tables in RST whose last column, "test", names
      tests: each of them is in CASES, and held.  A test is named by its group and its
      case, with the variant between them where it matters which.
  tap.py table GROUPS [-v] NAME=CASES...
      The table of the proof from files that "proof" made, one a boot.
"""
import json
import os
import re
import sys

RESULT = re.compile(r'^(not )?ok (\d+)\s*(?:- )?(.*?)(?:\s+# (SKIP|XFAIL|XPASS|TODO)\s*(.*))?$')
# A kernel that prints one of these has something to say.
REPORT = re.compile('|'.join((
    r'\bWARNING\b', r'\bBUG\b', 'Kernel panic', 'Oops', 'Call Trace', 'general protection',
    'KASAN: ', 'UBSAN', 'BUG: KCSAN', 'KFENCE: ', 'suspected memory leak',
    'INFO: (possible|suspicious|task|rcu|trying)', 'possible (circular|recursive|irq)',
    'lockdep is turned off', 'inconsistent lock', 'self-detected stall', 'detected stalls',
    'lockup', 'page_table_check', '[Bb]ad page', 'Bad rss-counter', 'bad p[gu4m]d',
    'double free', 'refcount_t:', 'corruption', 'invalid opcode', 'unable to handle',
    'sleeping function', 'scheduling while atomic', 'Objects remaining', 'not freed',
    'Poison overwritten', 'Redzone overwritten')))
GROUP_OF_LOG = 'kernel log'
# The programs of the attack kit; others are the tree's own.
KIT = {f[:-2] for f in os.listdir('proof') if f.endswith('.c')}


def lines_of(path):
    with open(path, errors='replace') as f:
        return [line.rstrip('\r\n') for line in f]


def cases(lines):
    """(state, name, [what the program said about it]) for each case."""
    found, said, plan, running = [], [], None, None
    for line in lines:
        m = RESULT.match(line)
        if m:
            name, directive, why = m[3], m[4], m[5]
            state = 'held'
            if m[1] or directive in ('XPASS', 'TODO'):
                state = 'failed'
            elif directive in ('SKIP', 'XFAIL'):
                state, said = 'skipped', [f'{directive} {why}'.strip()]
            found.append((state, name, said))
            said, running = [], None
        elif re.match(r'^1\.\.(\d+)', line):
            plan = int(line[3:].split()[0])
            m = re.search(r'# SKIP\s*(.*)', line)
            if m:
                found.append(('skipped', 'all', [m[1]]))
                plan = 1
        elif line.startswith('#'):
            if line.startswith('#  RUN '):
                said, running = [], line.split()[2]
            elif not re.match(r'^# +(OK|FAIL) ', line):
                said.append(line.lstrip('# '))
        elif line.strip():
            said.append(line)
    told = len(found)
    if running:
        found.append(('failed', running, ['it did not come to an end'] + said[-10:]))
    if plan is None:
        found.append(('failed', 'plan', ['the program told no plan'] + said[-10:]))
    elif plan != told:
        found.append(('failed', 'plan', [f'{plan} cases planned, {told} told']))
    elif plan == 0:
        found.append(('failed', 'plan', ['no case at all']))
    return found


# What the kernel says, with a trace, when a program asks for too much or an
# injected fault lets an allocation fail; and of a program's own exceptions.
TRACED = re.compile('invoked oom-killer:|vmalloc error:|page allocation failure:|'
                    'GUP no longer grows the stack')
EXCEPTION = re.compile(r'traps: \S+\[\d+\] general protection fault ip:')


# A data race is for whoever wrote one of the two sides.
OURS = re.compile(r'mm_secret|kernel_owned|mseal|\bvma_(find|next)_raw')


def races(lines):
    """The lines without reports of data races of others."""
    race = None
    for line in lines:
        if 'BUG: KCSAN:' in line:
            race = [line]
        elif race is None:
            yield line
        elif '=======' in line:
            if any(OURS.search(at) for at in race):
                yield ' '.join(at.split('] ')[-1].strip() for at in race)
            race = None
        else:
            race.append(line)
    if race:
        yield race[0]


def reports(lines):
    found, traced = [], False
    for line in races(lines):
        if TRACED.search(line):
            traced = True
        elif traced and 'Call Trace' in line:
            traced = False
        elif REPORT.search(line) and not EXCEPTION.search(line):
            found.append(line)
    return found


def log_cases(guest, status, log):
    """The cases of the row "kernel log"."""
    facts = dict(g.split(' ', 1) for g in guest if ' ' in g)
    bad = reports(log)
    leaks = [g for g in guest if g.startswith('leak ')]
    cpus = int(facts.get('cpus', 0))
    end = {124: 'time-out', 125: 'did not boot', 126: 'panic',
           127: 'ended without a status'}.get(status)
    checks = [
        ('guest_ran_to_its_end', 'end' in guest and end is None,
         [end or 'the guest did not reach the end of the tests']),
        ('nothing_reported', bool(log) and not bad and not leaks, (bad + leaks)[:20]),
        ('untainted', facts.get('untainted') == 'yes', ['the guest does not say so']),
        ('lockdep_on_to_the_end', facts.get('lockdep') == 'yes',
         ['the guest does not say so']),
        ('two_cpus_online', cpus >= 2, [f'{cpus} CPUs online']),
        ('boot_is_as_named', facts.get('as-named') == 'yes',
         ['the guest does not pass the check of configs/boots']),
    ]
    return [('held' if ok else 'failed', f'{GROUP_OF_LOG}.{name}',
             [] if ok else why) for name, ok, why in checks]


def show(found):
    for state, name, why, *where in found:
        print(state, name, ' | '.join(why).replace('\t', ' '), *where, sep='\t')


def programs(lines):
    """(name, lines) of each program that scripts/guest-proof ran."""
    found = []
    for line in lines:
        if line.startswith('guest: program '):
            found.append((line.split()[2], []))
        elif found:
            found[-1][1].append(line)
    return found or [('', lines)]


def proof(out, status, log):
    lines, log = lines_of(out), lines_of(log)
    status = int(status)
    guest = [line[7:] for line in lines if line.startswith('guest: ')]
    user = next((g[5:] for g in guest if g.startswith('user ')), 'root')
    found = []
    for name, told in programs(lines):
        mine = cases([line for line in told if not line.startswith('guest: ')])
        code = next((t.split()[2] for t in told if t.startswith('guest: status ')), None)
        if code not in ('0', '4') and all(state != 'failed' for state, _, _ in mine):
            mine.append(('failed', f'{name}.status', [f'the program exited with {code}']))
        # What has no fixture goes by its program.
        short = name.removesuffix('_32').removeprefix('mm_secret_')
        mine = [(state, case if '.' in case.removeprefix('global.')
                 else f'{short}.{case.removeprefix("global.")}', why)
                for state, case, why in mine]
        # The same tests built for the 32-bit entry points are a row of their own.
        if name.endswith('_32'):
            mine = [(state, case.replace('.', '_32.', 1), why) for state, case, why in mine]
        reasons = ('SKIP not here', 'SKIP needs root')[:1 if user == 'root' else 2]
        mine = [('left' if state == 'skipped' and why[0].startswith(reasons)
                 else state, case, why, name) for state, case, why in mine]
        found += mine
    show(found + log_cases(guest, status, log))


def program(out, status, log):
    found = cases(lines_of(out))
    if int(status) not in (0, 4) and all(state != 'failed' for state, _, _ in found):
        found.append(('failed', 'status', [f'the program exited with {status}']))
    bad = reports(lines_of(log))
    name = os.path.basename(out)[:-len('.out')]
    found.append(('failed' if bad else 'held', 'kernel log', bad[:20]))
    show((state, f'{name}: {case}', why) for state, case, why in found)


def kunit(path, log):
    states = {'PASS': 'held', 'SKIP': 'skipped'}

    def walk(node, prefix):
        for case in node.get('test_cases', []):
            yield (states.get(case['status'], 'failed'),
                   f'{prefix}{case["name"]}', [])
        for sub in node.get('sub_groups', []):
            yield from walk(sub, f'{prefix}{sub["name"]}.')

    with open(path) as f:
        found = list(walk(json.load(f), 'kunit.'))
    # No case but an error: nothing ran.
    if not found:
        found = [('failed', 'kunit', ['no case ran'])]
    bad = reports(lines_of(log))
    found.append(('failed' if bad else 'held', 'kunit.kernel log', bad[:20]))
    show(found)


def documented(rst, path):
    ends = lambda name: f"{name.split('.')[0]}.{name.split('.')[-1]}"
    names = {name for state, name, *_ in (line.split('\t') for line in lines_of(path))
             if state == 'held'}
    held = names | {ends(name) for name in names}
    found, tests, title = [], False, ''
    for line in lines_of(rst):
        if line.startswith('.. csv-table::') or not line.startswith('   ') and line:
            tests, title = False, line.removeprefix('.. csv-table::').strip()
        elif line.startswith('   :header:'):
            tests = line.endswith(', test')
        elif tests and '|' in line and not line.startswith('   :'):
            row = line.strip().split('|')
            missing = [name for name in row[-1].split() if name not in held]
            why = ([f'no such case held: {" ".join(missing)}'] if missing else
                   [] if row[-1].strip() else ['it names no test'])
            found.append(('failed' if why else 'held', f'mm_secret.rst: {title}: {row[0]}',
                          why))
    show(found or [('failed', 'mm_secret.rst: no table found', [])])


def table(args):
    verbose = '-v' in args
    args = [a for a in args if a != '-v']
    rows, rules = {}, {}
    for line in lines_of(args[0]):
        if line and not line.startswith('#'):
            name, rows[name], rules[name] = line.split('\t')
    boots = {}
    for arg in args[1:]:
        name, path = arg.split('=', 1)
        boots[name] = [line.split('\t') for line in lines_of(path)]
    group = lambda case: case.split('.')[0]
    origin = lambda at: '' if not at else 'kit' if at[0].removesuffix('_32') in KIT else 'tree'
    for found in boots.values():
        for _, name, *_ in found:
            rows.setdefault(group(name), '')
    log_row = rows.pop(GROUP_OF_LOG, '')
    rows[GROUP_OF_LOG] = log_row

    cells = [['group', 'from', 'what was tried'] + list(boots)]
    sums = {'held': 0, 'tried': 0, 'tree': 0}
    for row, text in rows.items():
        for where in ('tree', 'kit', ''):
            line = [row.replace('_', ' '), where, text]
            for found in boots.values():
                mine = [state for state, name, _, *at in found
                        if group(name) == row and origin(at) == where and state != 'left']
                good = mine.count('held')
                sums['held'] += good
                sums['tried'] += len(mine)
                sums['tree'] += len(mine) if where == 'tree' else 0
                line.append(f'{good}/{len(mine)}' + ('' if good == len(mine) else ' !')
                            if mine else '-')
            if line[3:] != ['-'] * len(boots):
                cells.append(line)
    held, tried = sums['held'], sums['tried']
    width = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for n, line in enumerate(cells):
        print('  '.join(cell.ljust(width[i]) if i < 3 else cell.rjust(width[i])
                        for i, cell in enumerate(line)).rstrip())
        if n == 0:
            print('  '.join('-' * w for w in width))
    for boot, found in boots.items():
        shown = [f for f in found if verbose or f[0] not in ('held', 'left')]
        if shown:
            print(f'\n{boot}:')
        for state, name, why, *_ in shown:
            print(f'  {state:8}{name}' + (f'  ({rules.get(group(name), "")})' if verbose else ''))
            for line in why.split(' | ') if why else []:
                print(f'            {line}')
    left = [name for found in boots.values() for state, name, *_ in found if state == 'left']
    if left:
        print(f'\n{len(left)} cases take privileges on any memory, or what this CPU has not.')
    print(f'\n{sums["tree"]} cases are of tests in the tree ("tree"), the others of the attack kit '
          '("kit", proof/)\nor about the boot.')
    print(f'\nproof: {held} of {tried} held')
    return 0 if held == tried and tried else 1


def main(argv):
    if argv[:1] == ['cases'] and len(argv) == 2:
        show(cases(lines_of(argv[1])))
    elif argv[:1] == ['proof'] and len(argv) == 4:
        proof(*argv[1:])
    elif argv[:1] == ['program'] and len(argv) == 4:
        program(*argv[1:])
    elif argv[:1] == ['kunit'] and len(argv) == 3:
        kunit(*argv[1:])
    elif argv[:1] == ['documented'] and len(argv) == 3:
        documented(*argv[1:])
    elif argv[:1] == ['table'] and len(argv) >= 3:
        return table(argv[1:])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
