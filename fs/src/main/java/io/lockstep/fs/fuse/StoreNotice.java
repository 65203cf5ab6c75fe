package io.lockstep.fs.fuse;

import jnr.ffi.Pointer;

/**
 * The notice FUSE_NOTIFY_STORE of {@code linux/fuse.h} for one byte, and the two vectors of
 * writev(2) that follow it:
 *
 * <pre>
 *   0  length 4 | code 4 | unique 8, 0       struct fuse_out_header
 *  16  node 8 | offset 8 | size 4 | pad 4    struct fuse_notify_store_out
 *  40  address 8 | length 8                  struct iovec: the notice
 *  56  address 8 | length 8                  struct iovec: the byte
 * </pre>
 */
final class StoreNotice {
  static final int BYTES = 40;
  static final int VECTOR_BYTES = 16;

  private static final int CODE = 4;

  private StoreNotice() {}

  /** The byte's address is 0. */
  static void put(Pointer memory, long node, long offset) {
    memory.putInt(0, BYTES + 1);
    memory.putInt(4, CODE);
    memory.putLong(8, 0);
    memory.putLong(16, node);
    memory.putLong(24, offset);
    memory.putInt(32, 1);
    memory.putInt(36, 0);
    memory.putLong(40, memory.address());
    memory.putLong(48, BYTES);
    memory.putLong(56, 0);
    memory.putLong(64, 1);
  }
}
