package io.lockstep.tools.stress;

import java.nio.file.Path;
import java.util.List;

/**
 * Immutable. How much load.
 *
 * @param directories mounts of one filesystem, or one directory of any
 * @param threads that write and read
 * @param descriptors of the file, shared by all threads
 * @param durationNs until threads stop
 * @param blocks that the file has
 * @param readPercent of all steps
 * @param closePercent of all steps: a descriptor is closed, and opened again
 */
public record StressOptions(
    List<Path> directories,
    int threads,
    int descriptors,
    long durationNs,
    int blocks,
    int readPercent,
    int closePercent) {
  public static final int BLOCKS = 64;
  public static final int READ_PERCENT = 25;
  public static final int CLOSE_PERCENT = 12;

  public StressOptions {
    directories = List.copyOf(directories);
  }
}
