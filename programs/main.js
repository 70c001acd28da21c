// SPDX-License-Identifier: GPL-2.0
// Buffers that are collected, memory of WebAssembly, and a thread.
const { Worker } = require('worker_threads');
let sum = 0;
for (let i = 0; i < 500; i++) {
	const a = new Uint8Array(1 << 20);
	a[i] = 1;
	sum += a[i];
}
// A module with a memory of one page, and a function that reads its first word.
const code = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
	1, 5, 1, 0x60, 0, 1, 0x7f,
	3, 2, 1, 0,
	5, 4, 1, 1, 1, 16,
	7, 9, 2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0,
	10, 9, 1, 7, 0, 0x41, 0, 0x28, 2, 0, 0x0b]);
const wasm = new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
wasm.m.grow(15);
new Int32Array(wasm.m.buffer)[0] = 42;
new Worker('require("worker_threads").parentPort.postMessage(7)', { eval: true })
	.on('message', (m) => console.log(`sum ${sum} wasm ${wasm.f()} worker ${m}`));
