package io.lockstep.fs.fuse;

import io.lockstep.fs.fuse.Callbacks.With1;
import io.lockstep.fs.fuse.Callbacks.With2;
import io.lockstep.fs.fuse.Callbacks.With3;
import io.lockstep.fs.fuse.Callbacks.With3Int;
import io.lockstep.fs.fuse.Callbacks.With4;
import io.lockstep.fs.fuse.Callbacks.With4Int;
import io.lockstep.fs.fuse.Callbacks.With4IntThird;
import io.lockstep.fs.fuse.Callbacks.With5;
import io.lockstep.fs.fuse.Callbacks.With5Int;
import io.lockstep.fs.fuse.Callbacks.With5IntFourth;
import io.lockstep.fs.fuse.Callbacks.With6;
import io.lockstep.fs.fuse.Callbacks.With6Int;
import io.lockstep.fs.fuse.Callbacks.With6IntThird;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Immutable. libfuse's {@code struct fuse_lowlevel_ops}: one function pointer for each operation,
 * in the order of {@code fuse_lowlevel.h} of 2.9. What is not there is answered with ENOSYS, and
 * the kernel then does without.
 */
final class OperationTable {
  private static final int SLOTS = 41;

  /** Closures live as long as somebody in Java knows them. */
  private final List<Object> closures = new ArrayList<>();

  private final Runtime runtime = Runtime.getSystemRuntime();
  private final Pointer memory =
      runtime.getMemoryManager().allocateDirect(SLOTS * Long.BYTES, true);

  /** With what is called when the kernel has begun to talk. */
  OperationTable(FuseOperations to, Runnable onInit) {
    slot(0, With2.class, (userData, connection) -> onInit.run());
    slot(1, With1.class, userData -> {});
    slot(2, With3.class, to::lookup);
    slot(3, With3.class, to::forget);
    slot(4, With3.class, to::getattr);
    slot(5, With5IntFourth.class, to::setattr);
    slot(6, With2.class, to::readlink);
    slot(7, With5IntFourth.class, to::mknod);
    slot(8, With4Int.class, to::mkdir);
    slot(9, With3.class, to::unlink);
    slot(10, With3.class, to::rmdir);
    slot(11, With4.class, to::symlink);
    slot(12, With5.class, to::rename);
    slot(13, With4.class, to::link);
    slot(14, With3.class, to::open);
    slot(15, With5.class, to::read);
    slot(16, With6.class, to::write);
    slot(17, With3.class, to::flush);
    slot(18, With3.class, to::release);
    slot(19, With4IntThird.class, to::fsync);
    slot(20, With3.class, to::opendir);
    slot(21, With5.class, to::readdir);
    slot(22, With3.class, to::releasedir);
    slot(23, With4IntThird.class, to::fsyncdir);
    slot(24, With2.class, to::statfs);
    slot(25, With6Int.class, to::setxattr);
    slot(26, With4.class, to::getxattr);
    slot(27, With3.class, to::listxattr);
    slot(28, With3.class, to::removexattr);
    slot(29, With3Int.class, to::access);
    slot(30, With5IntFourth.class, to::create);
    LockOperations locks = to.locks();
    slot(31, With4.class, locks::getlk);
    slot(32, With5Int.class, locks::setlk);
    slot(39, With4Int.class, locks::flock);
    slot(40, With6IntThird.class, to::fallocate);
  }

  private <T> void slot(int index, Class<T> shape, T callback) {
    closures.add(callback);
    memory.putPointer(
        (long) index * Long.BYTES, runtime.getClosureManager().getClosurePointer(shape, callback));
  }

  Pointer memory() {
    return memory;
  }

  int sizeBytes() {
    return SLOTS * Long.BYTES;
  }
}
