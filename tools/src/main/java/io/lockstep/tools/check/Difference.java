package io.lockstep.tools.check;

/**
 * Immutable. One finding of a check.
 *
 * @param set the replica set
 * @param member that is alone with what it has; 0 = it cannot be told who is right
 * @param address of that member, or empty
 * @param file its path in the volume, or {@code inode N} if it has no name
 * @param offset of the first byte that differs; -1 = not a matter of bytes
 * @param length of the range that differs, in whole blocks; 0 with offset -1
 * @param what in words
 */
public record Difference(
    long set, int member, String address, String file, long offset, long length, String what) {

  @Override
  public String toString() {
    String who = member == 0 ? "members" : "member " + member + " (" + address + ")";
    String where = offset < 0 ? "" : " at offset " + offset + ", " + length + " bytes";
    return "set " + set + ": " + who + ": " + file + where + ": " + what;
  }
}
