# SPDX-License-Identifier: GPL-2.0
"""A heap, a mapped file, a thread and a call of the C library."""
import ctypes
import mmap
import tempfile
import threading

kept = [[i] * 1000 for i in range(5000)]
total = sum(kept[i][5] for i in range(100))
with tempfile.TemporaryFile() as f:
    f.write(b'\7' * 100000)
    f.flush()
    with mmap.mmap(f.fileno(), 0) as m:
        mapped = m[99999]
said = []
t = threading.Thread(target=lambda: said.append(ctypes.CDLL(None).abs(-42)))
t.start()
t.join()
print('sum', total, 'mapped', mapped, 'thread', said[0])
