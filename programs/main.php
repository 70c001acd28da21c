<?php
// SPDX-License-Identifier: GPL-2.0
// A loop that is worth compiling, and arrays.
function sum(int $n): int
{
	$sum = 0;
	for ($i = 1; $i <= $n; $i++)
		$sum += $i;
	return $sum;
}
$kept = [];
for ($i = 0; $i < 100000; $i++)
	$kept[$i % 5000] = str_repeat('x', 1000);
$status = function_exists('opcache_get_status') ? opcache_get_status(false) : false;
echo 'sum ', sum(1000000), ', JIT ', !empty($status['jit']['on']) ? 'on' : 'off', "\n";
