package io.lockstep.simulation;

import java.util.EnumSet;
import java.util.Set;

/** What may go wrong in one run; each seed turns on some. */
public enum Fault {
  /** Single messages vanish. */
  LOSS,
  /** Messages that may come twice come twice. */
  DUPLICATION,
  /** Connections break. */
  BREAKAGE,
  /** Messages are slow, now and then very. */
  DELAY,
  /** Nothing gets through in one direction for a while. */
  CUT,
  /** A storage daemon is killed. */
  STORAGE_KILL,
  /** A storage daemon's machine loses power, also in the middle of a step. */
  STORAGE_POWER,
  /** All storage daemons lose power. */
  BLACKOUT,
  /** A process stands still for a while. */
  PAUSE,
  /** A mount is killed. */
  MOUNT_KILL,
  /** The master is killed, and lockd with it. */
  MASTER_KILL,
  /** A sync of data or of rows fails. */
  SYNC_FAILURE,
  /** A disk is slow for a while. */
  SLOW_DISK,
  /** A disk is full for a while. */
  FULL_DISK,
  /** A bit of an object changes on the disk. */
  BIT_FLIP,
  /** Clocks go wrong: a little too fast or slow, and the wall clock jumps. */
  CLOCKS;

  /** Those that a cluster is run with unless somebody names others. */
  public static Set<Fault> usual() {
    return EnumSet.complementOf(EnumSet.of(BIT_FLIP));
  }
}
