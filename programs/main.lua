-- SPDX-License-Identifier: GPL-2.0
-- Pointers in the 47 bits that LuaJIT has for them, compiled code, and coroutines.
local ffi = require("ffi")
ffi.cdef("void *malloc(size_t); void free(void *);")
local sum, highest = 0, 0
local co = coroutine.wrap(function()
	for i = 1, 1000 do
		coroutine.yield(i)
	end
end)
for i = 1, 1000 do
	sum = sum + co()
end
local kept = {}
for i = 1, 200000 do
	kept[i % 1000] = { tostring(i), {} }
end
for i = 1, 1000 do
	local address = tonumber(tostring(kept[i % 1000]):match("0x%x+"))
	highest = math.max(highest, address)
end
local f = io.tmpfile()
f:write("x")
f:close()
local p = ffi.C.malloc(1000)
ffi.C.free(p)
print(string.format("JIT %s, sum %d, %s bits", jit.status() and "on" or "off", sum,
      highest < 2 ^ 47 and "47" or "more"))
