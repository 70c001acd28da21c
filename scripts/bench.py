#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print what scripts/bench counted, and whether it is within bounds.

  bench.py ARCH BOUNDS RESULTS
      RESULTS/counts has lines of a kernel, a blank, a name, a tab and a number;
      BOUNDS is configs/bench.  Writes RESULTS/table.txt and RESULTS/plot.svg.
"""
import fnmatch
import re
import subprocess
import sys

KERNELS = ('base', 'off', 'on')
SECTIONS = (
    ('bystanders: ', 'Bystanders: instructions for each, and the ratio to base'),
    ('pages?: ', 'Users: instructions to allocate, write to each page, and free'),
    ('200 bytes', 'Small objects: instructions to allocate, write to it, and free'),
    ('one more area', 'Growth: instructions to allocate and free one page'),
    ('beside .* areas', 'Growth: instructions, of a process with so many areas'),
    ('VMs: ', 'Virtual machines: instructions of the host and the guest, and the ratio to base'),
    ('memory per area', 'Memory'),
    ('splits by', 'Direct map: large mappings that were split'),
    ('64 loads', 'Access, warm: instructions (refills of the TLB are not counted)'),
)


def counts(path):
    found = {}
    with open(path) as f:
        for line in f:
            name, value = line.rstrip('\r\n').rsplit('\t', 1)
            found[name] = float(value)
    return found


def tables(found):
    """The lines of all that was counted."""
    for pattern, title in SECTIONS:
        names = []
        for full in found:
            name = full.split(' ', 1)[1]
            if re.search(pattern, name) and name not in names:
                names.append(name)
        yield ''
        yield title
        for name in names:
            cells = []
            base = found.get('base ' + name.removeprefix('secret '))
            for kernel in KERNELS:
                value = found.get(f'{kernel} {name}')
                if value is None:
                    continue
                cells.append(f'{value:14,.2f}')
                if base and kernel != 'base':
                    cells.append(f'{value / base:8.4f}')
            yield f'  {name:60}' + ''.join(cells)


def bounds(path, found, arch):
    """(holds, line) for each bound of each thing that was counted."""
    with open(path) as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            what, than, most, *only = line.rstrip('\n').split('\t')
            if only and arch not in only:
                continue
            matching = [name for name in found
                        if fnmatch.fnmatchcase(name, what.replace('[', '[[]'))]
            if not matching:
                yield False, f'{what}: was not counted'
            for name in matching:
                words = name[len(what) - 1:] if what.endswith('*') else ''
                other = than.replace('*', words)
                if than == '-':
                    value, of = found[name], ''
                elif found.get(other):
                    value, of = found[name] / found[other], f' of "{other}"'
                else:
                    yield False, f'{other}: was not counted'
                    continue
                yield value <= float(most), \
                    f'"{name}"{of}: {value:,.4f}, at most {most}'


def plot(found, arch, results):
    """Bystanders' ratios and users' cycles, as SVG."""
    bystanders = [n for n in found if n.startswith('base bystanders: ')]
    users = [n for n in found if re.match(r'on \d+ pages?: ', n)]
    with open(f'{results}/plot.dat', 'w') as f:
        for name in bystanders:
            rest = name.split(' ', 1)[1]
            label = rest.split(': ', 1)[1]
            f.write(f'"{label}"\t' + '\t'.join(
                str((found[f'{kernel} {rest}'] / found[name] - 1) * 100)
                for kernel in ('off', 'on')) + '\n')
        f.write('\n\n')
        for name in users:
            f.write(f'"{name.split(" ", 1)[1]}"\t{found[name]}\n')
    script = f'''
set terminal svg noenhanced size 1100,1100 font "sans,13" background "white"
set output "{results}/plot.svg"
set multiplot layout 2,1
set rmargin 16
set style data histogram
set style fill solid 0.8 border -1
set boxwidth 0.8
set xtics rotate by -35 nomirror
set grid ytics
set title "Bystanders, {arch}: instructions beyond those of the base kernel"
set ylabel "%"
set yrange [-0.5:0.5]
plot "{results}/plot.dat" index 0 using 2:xtic(1) title "MM_SECRET=n", \\
     "" index 0 using 3 title "MM_SECRET=y", 0.2 with lines dt 2 title "bound"
set title "Users, {arch}: instructions to allocate, write to each page, and free"
set ylabel "instructions"
set logscale y
set yrange [1000:*]
unset key
plot "{results}/plot.dat" index 1 using 2:xtic(1)
'''
    subprocess.run(['gnuplot'], input=script, text=True, check=True)


def main(arch, bounds_file, results):
    found = counts(f'{results}/counts')
    lines = list(tables(found))
    lines += ['', 'Bounds']
    failed = 0
    for holds, line in bounds(bounds_file, found, arch):
        failed += not holds
        lines.append(f'  {"PASS" if holds else "FAIL"}  {line}')
    with open(f'{results}/table.txt', 'w') as f:
        f.write('\n'.join(lines[1:]) + '\n')
    print('\n'.join(lines[1:]))
    plot(found, arch, results)
    print(f'\n{results}/table.txt, {results}/plot.svg')
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
