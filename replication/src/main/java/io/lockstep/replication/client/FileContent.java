package io.lockstep.replication.client;

import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;

/**
 * The bytes, size and times of one regular file as this mount sees them. Its methods may be called
 * by any thread; they block, with the operation deadline, after which they throw TIMED_OUT or
 * LEASE_TIMEOUT.
 *
 * <p>Writes that were accepted and then lost (the lease ended, or no replica took them) are
 * reported once to each descriptor that was open at that time, by its next write, flush or fsync.
 *
 * <p>A write, allocate or change of the size that waited while a lock of its descriptor was lost is
 * not done: IO_ERROR.
 */
public interface FileContent {
  long inode();

  /**
   * A descriptor of this file, one for each open(2).
   *
   * @param direct O_DIRECT: its writes return when every RW member has received them
   */
  Descriptor newDescriptor(boolean direct);

  /**
   * Reads at {@code offset} into the remaining bytes of {@code target} and sees everything that was
   * written on any mount before. Returns the number of bytes, fewer than asked only at the end of
   * the file, 0 behind it.
   */
  int read(long offset, ByteBuffer target) throws Outcome;

  /**
   * Writes all remaining bytes of {@code source}; FILE_TOO_BIG if they would end behind the largest
   * file.
   *
   * @param offset where, or -1 to append
   * @param sync O_SYNC: durable on every RW member, with size and times, before this returns
   * @return the offset written at
   */
  long write(long offset, ByteBuffer source, boolean sync, Descriptor descriptor) throws Outcome;

  /** Cuts or extends the file; returns the attributes after it. */
  Attributes truncate(long size, Caller caller) throws Outcome;

  /**
   * setattr of a regular file, with or without size or times: whatever it sets is what the next
   * stat shows. Returns the attributes after it.
   */
  Attributes setAttributes(SetAttributes request, Descriptor descriptor) throws Outcome;

  /**
   * utimens without a message, for one who writes the file just now: size and times are the
   * holder's. Never blocks. False if it has to be asked for by {@link #setAttributes}.
   */
  default boolean trySetTimes(SetAttributes request) {
    return false;
  }

  /** fallocate(2). */
  void allocate(
      long offset,
      long length,
      boolean keepSize,
      boolean punch,
      boolean zero,
      Descriptor descriptor)
      throws Outcome;

  /** What was written through this mount is received by every RW member: at each close(2). */
  void flush(Descriptor descriptor) throws Outcome;

  /**
   * What was written through this mount is durable on every RW member, with its size.
   *
   * @param times also when it was written: fsync(2), without them fdatasync(2)
   */
  void fsync(Descriptor descriptor, boolean times) throws Outcome;

  /** {@code fromMaster} with size and times of what this mount wrote. Never blocks. */
  Attributes attributes(Attributes fromMaster);

  /** The descriptor is gone (release). Does not flush and does not wait. */
  void close(Descriptor descriptor);
}
