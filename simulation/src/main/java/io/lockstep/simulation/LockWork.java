package io.lockstep.simulation;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.Files;
import io.lockstep.lockd.client.LockOperation;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.simulation.check.LockHistory;
import io.lockstep.simulation.check.LockHistory.Fence;
import io.lockstep.simulation.check.LockHistory.Hold;
import io.lockstep.simulation.check.NameHistory.Result;
import io.lockstep.wire.message.LockAction;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * Confined to the fiber of its application. Locks a file by fcntl, and under the exclusive lock
 * replaces the number in it: each number is replaced once, as a token leaves each place once.
 */
final class LockWork implements Application.Work {
  /** Confined to the thread of the simulation. Numbers that nobody has had. */
  static final class Board {
    private int last;
  }

  private static final String NAME = "counter";
  private static final long WAIT_NS = 8_000_000_000L;
  private static final long HOLD_NS_MAX = 200_000_000;

  private final Application app;
  private final LockHistory locks;
  private final Board board;
  private final long owner;
  private long inode;
  private long handle;

  LockWork(Application app, Board board, long owner) {
    this.app = app;
    this.locks = app.history.locks();
    this.board = board;
    this.owner = owner;
  }

  /** Before anything goes wrong. */
  void prepare() {
    open();
    app.history.names().born(NAME, "number 0");
    end();
  }

  @Override
  public void step() {
    if (handle == 0) {
      open();
      return;
    }
    boolean exclusive = app.chance.nextInt(3) > 0;
    try {
      if (lock(exclusive)) {
        Hold hold = locks.granted(app.name(), NAME, exclusive, Fence.NONE, app.time.nowNs());
        app.note(NAME + " locked, " + (exclusive ? "exclusive" : "shared"));
        underLock(hold, exclusive);
        unlock();
      }
    } catch (Outcome e) {
      app.fail("work under the lock", e);
      reopen();
    }
  }

  @Override
  public void end() {
    if (handle != 0) {
      release();
    }
  }

  private void open() {
    Files.Created made = app.open(NAME);
    if (made != null) {
      handle = made.handle();
      inode = made.attributes().getInode();
    }
  }

  /** A descriptor whose lock was lost is of no use until somebody locks through it. */
  private void reopen() {
    release();
    open();
  }

  private void release() {
    try {
      app.vfs().locks().drop(inode, owner);
      app.vfs().locks().close(handle);
      app.vfs().files().release(handle);
    } catch (Outcome e) {
      app.fail("close of " + NAME, e);
    }
    handle = 0;
  }

  private LockSpec spec() {
    return new LockSpec(inode, false, owner, 0, Long.MAX_VALUE, (int) owner);
  }

  private boolean lock(boolean exclusive) throws Outcome {
    CompletableFuture<ErrorCode> done = new CompletableFuture<>();
    LockAction action = exclusive ? LockAction.LOCK_WRITE : LockAction.LOCK_READ;
    LockOperation asked = app.vfs().locks().set(handle, spec(), action, true, done::complete);
    if (!app.mount.fibers().await(done, WAIT_NS)) {
      app.vfs().locks().interrupt(asked);
      while (!app.mount.fibers().await(done, WAIT_NS)) {
        // It is answered in any case: interrupted, granted, or lost with the session.
      }
    }
    if (done.join() != ErrorCode.OK) {
      app.note(NAME + " not locked: " + done.join());
    }
    return done.join() == ErrorCode.OK;
  }

  private void unlock() throws Outcome {
    CompletableFuture<ErrorCode> done = new CompletableFuture<>();
    app.vfs().locks().set(handle, spec(), LockAction.UNLOCK, false, done::complete);
    while (!app.mount.fibers().await(done, WAIT_NS)) {
      // It is answered in any case.
    }
    app.note(NAME + " unlocked: " + done.join());
  }

  /** What succeeds through the descriptor proves that the lock was still there when it began. */
  private void underLock(Hold hold, boolean exclusive) throws Outcome {
    long startNs = app.time.nowNs();
    int number = read();
    locks.held(hold, startNs);
    app.sleep(1 + (long) (app.chance.nextDouble() * HOLD_NS_MAX));
    if (exclusive) {
      int next = ++board.last;
      long writeNs = app.time.nowNs();
      Result result = Result.UNKNOWN;
      try {
        ByteBuffer bytes = ByteBuffer.allocate(4).putInt(next).flip();
        app.vfs().files().write(handle, 0, bytes, false);
        locks.held(hold, writeNs);
        app.vfs().files().fsync(handle, app.chance.nextBoolean());
        result = Result.DONE;
      } finally {
        replaced(number, next, result, startNs);
      }
    } else {
      long againNs = app.time.nowNs();
      int again = read();
      locks.held(hold, againNs);
      app.history
          .names()
          .look(app.client, NAME, "number " + again, true, againNs, app.time.nowNs());
    }
  }

  private void replaced(int from, int to, Result result, long startNs) {
    app.history
        .names()
        .move(
            app.client, NAME, "number " + from, "number " + to, result, startNs, app.time.nowNs());
    app.note(NAME + ": " + from + " -> " + to + ": " + result);
  }

  private int read() throws Outcome {
    ByteBuffer bytes = ByteBuffer.allocate(4);
    app.vfs().files().read(handle, 0, bytes);
    return bytes.getInt(0);
  }
}
