// SPDX-License-Identifier: GPL-2.0
// A heap that is collected while threads use it, memory outside it, and a mapped file.
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.*;

public class Main {
	static long fill(int seed) {
		Map<Integer, byte[]> map = new HashMap<>();
		long sum = 0;
		for (int i = 0; i < 3000; i++) {
			map.put(i % 200, new byte[10000 + seed]);
			sum += map.get(i % 200).length;
		}
		return sum;
	}

	public static void main(String[] args) throws Exception {
		long[] sums = new long[3];
		Thread[] threads = new Thread[3];
		for (int i = 0; i < 3; i++) {
			int n = i;
			threads[i] = new Thread(() -> sums[n] = fill(n));
			threads[i].start();
		}
		for (Thread t : threads)
			t.join();
		System.gc();
		ByteBuffer direct = ByteBuffer.allocateDirect(32 << 20);
		direct.putLong(31 << 20, 42);
		Path file = Files.createTempFile("main", null);
		try (FileChannel c = FileChannel.open(file, StandardOpenOption.READ,
						      StandardOpenOption.WRITE)) {
			c.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20).putLong(1 << 19, 7);
		}
		long mapped = ByteBuffer.wrap(Files.readAllBytes(file)).getLong(1 << 19);
		Files.delete(file);
		System.out.println("sum " + (sums[0] + sums[1] + sums[2]) + " direct " +
				   direct.getLong(31 << 20) + " mapped " + mapped);
	}
}
