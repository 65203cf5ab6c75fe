package io.lockstep.tools.it;

import io.lockstep.fs.fuse.Posix;
import java.util.SplittableRandom;

/**
 * Confined to its thread, but for {@link #isBusy}. One thread of a {@link FaultLoad}, on one of its
 * mounts: it does one thing after the other.
 */
abstract class FaultThread {
  final FaultLoad load;
  final FaultHistory history;
  final int mount;
  final SplittableRandom random;

  private volatile boolean busy;

  FaultThread(FaultLoad load, int mount, SplittableRandom random) {
    this.load = load;
    this.history = load.history();
    this.mount = mount;
    this.random = random;
  }

  final int mount() {
    return mount;
  }

  final SplittableRandom random() {
    return random;
  }

  /** Whether it does something now. */
  final boolean isBusy() {
    return busy;
  }

  /** One operation; whether it ended well. */
  final boolean step() {
    busy = true;
    try {
      work();
      return true;
    } catch (Posix.Failed e) {
      onFailure();
      return false;
    } finally {
      busy = false;
    }
  }

  abstract void work() throws Posix.Failed;

  /** The operation failed. */
  abstract void onFailure();

  /** The last operation has ended. */
  abstract void end();
}
