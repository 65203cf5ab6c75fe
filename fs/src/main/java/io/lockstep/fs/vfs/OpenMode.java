package io.lockstep.fs.vfs;

/**
 * Immutable. How a file is opened, in words that belong to no operating system.
 *
 * @param read reads are allowed
 * @param write writes are allowed
 * @param exclusive creation fails if the name exists
 * @param truncate the file is cut to nothing
 * @param direct nothing of it stays in a cache above
 */
public record OpenMode(
    boolean read, boolean write, boolean exclusive, boolean truncate, boolean direct) {
  public static final OpenMode READ = new OpenMode(true, false, false, false, false);
  public static final OpenMode READ_WRITE = new OpenMode(true, true, false, false, false);
}
