package io.lockstep.fs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guarded by its own lock. One connection to the kernel and the threads that serve it.
 *
 * <p>Threads are started as the kernel finds none idle, up to a bound, because each operation keeps
 * its thread until it ends. They end when the kernel has let go of the mount; {@link #close} then
 * gives libfuse's memory back. If a thread never comes back, that memory is left alone.
 */
final class FuseSession implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FuseSession.class);

  /** The kernel answers no buffered request beyond these before others are answered. */
  private static final String SESSION_OPTIONS =
      "big_writes,atomic_o_trunc,async_read,max_background=64,congestion_threshold=48";

  /**
   * Requests for locks that are under way are answered within this, or not before lockd is back.
   */
  private static final long LOCKS_NS = TimeUnit.SECONDS.toNanos(2);

  private final FuseLibrary fuse;
  private final Vfs vfs;
  private final MountOptions options;
  private final LibC libC = LibC.load();
  private final KernelCache kernelCache = new KernelCache(new Invalidation());
  private final FuseOperations operations;
  private final OperationTable table;
  private final CountDownLatch initialized = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private final AtomicInteger idle = new AtomicInteger();

  /** What libfuse may look at for as long as it lives. */
  private final List<Pointer> kept = new ArrayList<>();

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private int threadsStarted;

  @GuardedBy("lock")
  private int threadsAlive;

  @GuardedBy("lock")
  private boolean noMoreThreads;

  // Set once by open, before the first thread starts.
  private Pointer mountPoint;
  private Pointer channel;
  private Pointer session;

  FuseSession(FuseLibrary fuse, Vfs vfs, MountOptions options) {
    this.fuse = fuse;
    this.vfs = vfs;
    this.options = options;
    this.operations = new FuseOperations(fuse, vfs, kernelCache, options.keepSeconds());
    this.table = new OperationTable(operations, initialized::countDown);
  }

  /** Mounts and begins to serve. */
  void open() throws MountFailed {
    mountPoint = text(options.mountPoint().toString());
    channel = fuse.fuse_mount(mountPoint, arguments(options.optionText()));
    if (channel == null) {
      throw new MountFailed("libfuse could not mount " + options.mountPoint());
    }
    session =
        fuse.fuse_lowlevel_new(arguments(SESSION_OPTIONS), table.memory(), table.sizeBytes(), null);
    if (session == null) {
      fuse.fuse_unmount(mountPoint, channel);
      throw new MountFailed("libfuse refused its session options: " + SESSION_OPTIONS);
    }
    fuse.fuse_session_add_chan(session, channel);
    kernelCache.start();
    for (int i = 0; i < options.threads(); i++) {
      startThread();
    }
  }

  private Pointer arguments(String mountOptions) {
    Pointer[] words = {text("lockstep"), text("-o"), text(mountOptions)};
    Pointer vector = memory((words.length + 1) * Long.BYTES);
    for (int i = 0; i < words.length; i++) {
      vector.putPointer((long) i * Long.BYTES, words[i]);
    }
    // struct fuse_args: argc 4 | pad 4 | argv 8 | allocated 4
    Pointer arguments = memory(3 * Long.BYTES);
    arguments.putInt(0, words.length);
    arguments.putPointer(Long.BYTES, vector);
    return arguments;
  }

  private Pointer text(String text) {
    byte[] bytes = text.getBytes(NativeText.CHARSET);
    Pointer memory = memory(bytes.length + 1);
    memory.put(0, bytes, 0, bytes.length);
    return memory;
  }

  private Pointer memory(int sizeBytes) {
    Pointer memory = Runtime.getSystemRuntime().getMemoryManager().allocateDirect(sizeBytes, true);
    kept.add(memory);
    return memory;
  }

  private void startThread() {
    lock.lock();
    try {
      if (noMoreThreads || threadsAlive >= options.threadsMax()) {
        return;
      }
      threadsStarted++;
      threadsAlive++;
      idle.incrementAndGet();
      new FuseThread(this, vfs.operations(), threadsStarted).start();
    } finally {
      lock.unlock();
    }
  }

  // ---- on the threads of this session

  /** Waits for a request; 0 or less as libfuse says: 0 at the end, else a negative errno. */
  int receive(Pointer channelSlot, FuseRequest into) {
    channelSlot.putPointer(0, channel);
    int size = fuse.fuse_chan_recv(channelSlot.address(), into.address(), into.sizeBytes());
    if (size > 0 && idle.decrementAndGet() == 0) {
      startThread();
    }
    return size;
  }

  /** False if the thread that calls is one too many and ends. */
  boolean process(FuseRequest request) {
    if (request.opcode() == InitReply.OPCODE) {
      InitReply.serve(fuse, session, channel, request);
    } else {
      fuse.fuse_session_process(session, request.address(), request.length(), channel);
    }
    if (idle.incrementAndGet() <= options.threadsIdleMax()) {
      return true;
    }
    idle.decrementAndGet();
    return false;
  }

  /**
   * A thread ends.
   *
   * @param spare others serve on; else libfuse has said that the mount is over
   */
  void onThreadEnd(FuseThread thread, boolean spare) {
    lock.lock();
    try {
      noMoreThreads |= !spare;
      threadsAlive--;
      Check.that(threadsAlive >= 0, "thread %s ended twice", thread.getName());
      if (threadsAlive == 0) {
        ended.countDown();
      }
    } finally {
      lock.unlock();
    }
  }

  private final class Invalidation implements KernelCache.Invalidation {
    private static final long NO_PAGES = -1;

    /** As a length: all that follow. */
    private static final long TO_THE_END = 0;

    @Override
    public void attributes(long node) {
      fuse.fuse_lowlevel_notify_inval_inode(channel, node, NO_PAGES, 0);
    }

    @Override
    public void pages(long node, Range pages) {
      long length = pages.end() == Range.ALL.end() ? TO_THE_END : pages.end() - pages.offset();
      fuse.fuse_lowlevel_notify_inval_inode(channel, node, pages.offset(), length);
    }

    /**
     * By a notice that the byte before the size is to be stored in the kernel's page. The kernel
     * sets the size first; then it finds no byte at the address 0, and leaves the page as it is.
     */
    @Override
    public void size(long node, long atLeast) {
      int bytes = StoreNotice.BYTES + 2 * StoreNotice.VECTOR_BYTES;
      Pointer memory = Runtime.getSystemRuntime().getMemoryManager().allocateDirect(bytes, true);
      StoreNotice.put(memory, node, atLeast - 1);
      libC.writev(fuse.fuse_chan_fd(channel), memory.address() + StoreNotice.BYTES, 2);
    }
  }

  // ---- for the mount

  /** Drops what the kernel keeps of an inode; {@code dropped} runs when that is done, if it is. */
  void dropCache(long inode, WaitingRequests waiting, Runnable dropped) {
    kernelCache.drop(operations.node(inode), waiting, dropped);
  }

  boolean awaitInitialized(long timeoutNs) throws InterruptedException {
    return initialized.await(timeoutNs, TimeUnit.NANOSECONDS);
  }

  boolean awaitEnded(long timeoutNs) throws InterruptedException {
    return ended.await(timeoutNs, TimeUnit.NANOSECONDS);
  }

  boolean hasEnded() {
    return ended.getCount() == 0;
  }

  /** Gives back what libfuse holds if all threads have ended, else nothing. */
  @Override
  public void close() {
    operations.locks().interruptAll();
    if (!kernelCache.stop() || !hasEnded() || !operations.locks().awaitIdle(LOCKS_NS)) {
      LOG.warn("a thread of the mount is still busy; its memory is not freed");
      return;
    }
    fuse.fuse_session_remove_chan(channel);
    fuse.fuse_unmount(mountPoint, channel);
    fuse.fuse_session_destroy(session);
    kept.clear();
  }
}
