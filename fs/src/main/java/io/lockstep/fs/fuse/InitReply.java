package io.lockstep.fs.fuse;

import com.kenai.jffi.MemoryIO;
import io.lockstep.core.Check;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Confined to the thread that takes the kernel's first request. What libfuse 2 answers to it,
 * completed by what this kernel can do and libfuse 2 does not know.
 *
 * <p>libfuse stops at requests of 128 KiB, and without {@link #HANDLE_KILLPRIV_V2} the kernel asks
 * for an extended attribute before each single write. So the first request, and no other, is
 * answered through a channel whose send function is here.
 *
 * <pre>
 *   fuse_out_header: length 4 | error 4 | unique 8
 *   fuse_init_out:   major 4 | minor 4 | max_readahead 4 | flags 4 | max_background 2 |
 *                    congestion_threshold 2 | max_write 4 | time_gran 4 | max_pages 2 | ...
 * </pre>
 */
final class InitReply {
  /** FUSE_INIT. */
  static final int OPCODE = 26;

  /** Data of one request: the payload of one frame. */
  static final int DATA_BYTES = 1 << 20;

  /** Room for a request: its headers fit into one page. */
  static final int REQUEST_BYTES = DATA_BYTES + 4096;

  private static final int ASYNC_DIO = 1 << 15;
  private static final int PARALLEL_DIROPS = 1 << 18;
  private static final int MAX_PAGES = 1 << 22;

  /** Whoever serves takes setuid and setgid away when a request says so. */
  private static final int HANDLE_KILLPRIV_V2 = 1 << 28;

  private static final int WANTED = ASYNC_DIO | PARALLEL_DIROPS | MAX_PAGES | HANDLE_KILLPRIV_V2;

  private static final MemoryIO MEMORY = MemoryIO.getInstance();
  private static final int HEADER_BYTES = 16;
  private static final int BODY_BYTES = 64;
  private static final int FLAGS = HEADER_BYTES + 12;
  private static final int TIME_GRANULARITY = HEADER_BYTES + 24;
  private static final int PAGES = HEADER_BYTES + 28;
  private static final int PAGE_BYTES = 4096;

  // struct iovec
  private static final int VECTOR_BYTES = 16;

  private final FuseLibrary fuse;
  private final Pointer channel;
  private final int offered;
  private final Callbacks.Send send = this::send;
  private final Pointer reply = memory(HEADER_BYTES + BODY_BYTES);
  private final Pointer vector = memory(VECTOR_BYTES);

  /** Answers on {@code channel} a kernel that offered these flags. */
  private InitReply(FuseLibrary fuse, Pointer channel, int offered) {
    this.fuse = fuse;
    this.channel = channel;
    this.offered = offered;
  }

  /** Serves the kernel's first request. */
  static void serve(FuseLibrary fuse, Pointer session, Pointer channel, FuseRequest request) {
    new InitReply(fuse, channel, request.offeredFlags()).serve(session, request);
  }

  private void serve(Pointer session, FuseRequest request) {
    // struct fuse_chan_ops: receive, send, destroy
    Pointer operations = memory(3 * Long.BYTES);
    operations.putPointer(
        Long.BYTES,
        Runtime.getSystemRuntime()
            .getClosureManager()
            .getClosurePointer(Callbacks.Send.class, send));
    Pointer completing = fuse.fuse_chan_new(operations, -1, REQUEST_BYTES, null);
    Check.that(completing != null, "libfuse has no memory for a channel");
    fuse.fuse_session_process(session, request.address(), request.length(), completing);
    fuse.fuse_chan_destroy(completing);
  }

  /** In the place of libfuse's own: the parts of a message that it wants to send. */
  private int send(long from, long vectors, long count) {
    long to = reply.address();
    long at = 0;
    for (long i = 0; i < count; i++) {
      long length = MEMORY.getLong(vectors + i * VECTOR_BYTES + Long.BYTES);
      if (at + length > HEADER_BYTES + BODY_BYTES) {
        return fuse.fuse_chan_send(channel, vectors, count);
      }
      MEMORY.copyMemory(MEMORY.getLong(vectors + i * VECTOR_BYTES), to + at, length);
      at += length;
    }
    if (at <= HEADER_BYTES) {
      // An error, which has no body.
      return fuse.fuse_chan_send(channel, vectors, count);
    }
    reply.putInt(0, HEADER_BYTES + BODY_BYTES);
    reply.putInt(FLAGS, reply.getInt(FLAGS) | (WANTED & offered));
    reply.putInt(TIME_GRANULARITY, 1);
    reply.putShort(PAGES, (short) (DATA_BYTES / PAGE_BYTES));
    vector.putLong(0, to);
    vector.putLong(Long.BYTES, HEADER_BYTES + BODY_BYTES);
    return fuse.fuse_chan_send(channel, vector.address(), 1);
  }

  private static Pointer memory(int sizeBytes) {
    return Runtime.getSystemRuntime().getMemoryManager().allocateDirect(sizeBytes, true);
  }
}
