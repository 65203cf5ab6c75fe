package io.lockstep.lockd.posix;

/**
 * Immutable. A lock or an unlock that a session asks for.
 *
 * @param operation chosen by the client, rises within the session
 * @param answeredBelow every operation of the session below this was answered to its sender
 * @param flock of flock(2), else of fcntl(2); the two never see each other
 * @param owner within the session: a process, or for flock an open file
 * @param end first byte behind the range; Long.MAX_VALUE = to the end of all files
 * @param kind what to do
 * @param blocking wait until it can be locked
 * @param pid for F_GETLK
 */
public record LockRequest(
    long session,
    long operation,
    long answeredBelow,
    long inode,
    boolean flock,
    long owner,
    long start,
    long end,
    Kind kind,
    boolean blocking,
    int pid) {
  /** What to do with the range. */
  public enum Kind {
    /** Lock it shared. */
    READ,
    /** Lock it alone. */
    WRITE,
    /** Unlock it. */
    UNLOCK,
    /** The owner closes the file: everything goes, also what it waits for. */
    DROP
  }

  boolean isLock() {
    return kind == Kind.READ || kind == Kind.WRITE;
  }

  boolean writes() {
    return kind == Kind.WRITE;
  }

  Place place() {
    return new Place(inode, flock);
  }

  Holder holder() {
    return new Holder(session, flock, owner);
  }

  LockedRanges.Piece piece() {
    return new LockedRanges.Piece(start, end, writes(), pid);
  }

  /** Where locks meet: a file, and which of the two kinds of locks. */
  record Place(long inode, boolean flock) {}

  /** Whose locks do not conflict with each other. */
  record Holder(long session, boolean flock, long owner) {}
}
