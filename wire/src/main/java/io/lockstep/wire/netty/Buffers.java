package io.lockstep.wire.netty;

import io.netty.buffer.PooledByteBufAllocator;

/** Immutable. The one pool of direct memory of the process. */
final class Buffers {
  private static final int DIRECT_ARENAS = 2;
  private static final int PAGE_BYTES = 8192;
  private static final int MAX_ORDER = 9; // chunks of 4 MiB: three frames of 1 MiB each
  private static final int SMALL_CACHE = 256;
  private static final int NORMAL_CACHE = 64;

  /** Pooled, not adaptive, and with a fixed number of arenas: its footprint is known. */
  static final PooledByteBufAllocator ALLOCATOR =
      new PooledByteBufAllocator(
          true, 0, DIRECT_ARENAS, PAGE_BYTES, MAX_ORDER, SMALL_CACHE, NORMAL_CACHE, false);

  private Buffers() {}
}
