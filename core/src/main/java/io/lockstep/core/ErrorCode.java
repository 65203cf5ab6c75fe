package io.lockstep.core;

/**
 * Immutable. Every outcome that a request can have, as a value (STYLE "Errors").
 *
 * <p>The {@link #number()} is what travels and is never reused; the {@link #errno()} is what an
 * application sees (Linux, x86-64 and aarch64 agree on all of these); the {@link Advice} tells a
 * program what to do next.
 */
public enum ErrorCode {
  OK(0, 0, Advice.NONE),

  // What POSIX names: the caller asked for something that the state of the filesystem does not
  // allow.
  NOT_PERMITTED(1, 1, Advice.FIX),
  NOT_FOUND(2, 2, Advice.FIX),
  INTERRUPTED(4, 4, Advice.RETRY),
  IO_ERROR(5, 5, Advice.GIVE_UP),
  NO_SUCH_DEVICE_OR_ADDRESS(6, 6, Advice.FIX),
  ARGUMENTS_TOO_LONG(7, 7, Advice.FIX),
  BAD_HANDLE(9, 9, Advice.FIX),
  /** What "would block" means to an application, unlike refusals that have the same errno. */
  WOULD_BLOCK(11, 11, Advice.RETRY),
  ACCESS_DENIED(13, 13, Advice.FIX),
  RESOURCE_BUSY(16, 16, Advice.FIX),
  EXISTS(17, 17, Advice.FIX),
  CROSS_DEVICE(18, 18, Advice.FIX),
  NOT_DIRECTORY(20, 20, Advice.FIX),
  IS_DIRECTORY(21, 21, Advice.FIX),
  INVALID_ARGUMENT(22, 22, Advice.FIX),
  TOO_MANY_OPEN_FILES(23, 23, Advice.FIX),
  TEXT_BUSY(26, 26, Advice.FIX),
  FILE_TOO_BIG(27, 27, Advice.FIX),
  NO_SPACE(28, 28, Advice.FIX),
  READ_ONLY(30, 30, Advice.FIX),
  TOO_MANY_LINKS(31, 31, Advice.FIX),
  OUT_OF_RANGE(34, 34, Advice.FIX),
  DEADLOCK(35, 35, Advice.FIX),
  NAME_TOO_LONG(36, 36, Advice.FIX),
  NO_LOCKS(37, 37, Advice.RETRY),
  NOT_IMPLEMENTED(38, 38, Advice.GIVE_UP),
  NOT_EMPTY(39, 39, Advice.FIX),
  TOO_MANY_LEVELS(40, 40, Advice.FIX),
  NO_ATTRIBUTE(61, 61, Advice.FIX),
  NOT_SUPPORTED(95, 95, Advice.GIVE_UP),
  STALE_HANDLE(116, 116, Advice.GIVE_UP),
  QUOTA_EXCEEDED(122, 122, Advice.FIX),

  // What the transport says. The request may or may not have been executed.
  /** No answer within the deadline. */
  TIMED_OUT(200, 110, Advice.RETRY),
  /** The connection broke or could not be made. */
  DISCONNECTED(201, 5, Advice.RETRY),

  // Refusals: the request was not executed. They never blame a member (P8).
  /** A queue is full. */
  BUSY(210, 11, Advice.RETRY),
  /**
   * The request carries an older configuration epoch than the member has adopted; the reply carries
   * the newer one.
   */
  STALE_EPOCH(211, 11, Advice.RETRY),
  /**
   * The request carries an older token than the newest that the member knows for this object:
   * fenced (I1).
   */
  STALE_TOKEN(212, 5, Advice.GIVE_UP),
  /** The member is not RW, so it serves no reads (I4). */
  NOT_READABLE(213, 11, Advice.RETRY),
  /** The replica set waits for its members to settle after a restart of all (P3). */
  SET_CLOSED(214, 11, Advice.RETRY),
  /** Fewer RW members than the volume's min-replicas. */
  NOT_ENOUGH_REPLICAS(215, 5, Advice.RETRY),
  /** The daemon has no such replica, or it is not LIVE yet. */
  NO_REPLICA(216, 5, Advice.RETRY),
  /** The object was collected: a tombstone stands (P15). */
  OBJECT_DELETED(217, 116, Advice.GIVE_UP),
  /** The master asked is not the leader, or not ready yet. */
  NOT_LEADER(220, 11, Advice.RETRY),
  /** The session was ended; everything of it is refused for ever (P5). */
  SESSION_ENDED(221, 5, Advice.GIVE_UP),
  /** The request id is below the low-water mark: it was answered before (P11). */
  ANSWERED_BEFORE(222, 5, Advice.GIVE_UP),
  /** lockd grants nothing before its grace period ends. */
  IN_GRACE(223, 11, Advice.RETRY),
  /** The lease id is not above the last one that was ended for this session and inode (P4). */
  STALE_LEASE(224, 11, Advice.GIVE_UP),
  /** A recall names a lease that the client does not know (P4). */
  NOT_MINE(225, 22, Advice.NONE),
  /** A compare-and-set found another value. */
  CONFLICT(226, 11, Advice.RETRY),
  /** The lease could not be taken within the operation deadline. */
  LEASE_TIMEOUT(227, 110, Advice.RETRY),

  // What a bad peer, file or user gets.
  BAD_REQUEST(240, 22, Advice.GIVE_UP),
  UNAUTHENTICATED(241, 13, Advice.FIX),
  WRONG_VERSION(242, 93, Advice.FIX),
  WRONG_CLUSTER(243, 22, Advice.FIX),
  CORRUPT(244, 5, Advice.RETRY),
  /** The process is stopping. */
  CLOSING(245, 5, Advice.RETRY);

  /** What the one who gets the code should do. */
  public enum Advice {
    /** Nothing: it is no failure. */
    NONE,
    /** The same request may succeed later or elsewhere. */
    RETRY,
    /** The request has to change. */
    FIX,
    /** Neither will help. */
    GIVE_UP
  }

  private static final ErrorCode[] BY_NUMBER = new ErrorCode[256];

  static {
    for (ErrorCode code : values()) {
      Check.that(BY_NUMBER[code.number] == null, "two error codes have number %d", code.number);
      BY_NUMBER[code.number] = code;
    }
  }

  private final int number;
  private final int errno;
  private final Advice advice;

  ErrorCode(int number, int errno, Advice advice) {
    this.number = number;
    this.errno = errno;
    this.advice = advice;
  }

  public int number() {
    return number;
  }

  /** The Linux errno, positive; 0 for {@link #OK}. */
  public int errno() {
    return errno;
  }

  public Advice advice() {
    return advice;
  }

  public boolean isOk() {
    return this == OK;
  }

  /**
   * The code with this number; a number that this version does not know becomes {@link #IO_ERROR}.
   */
  public static ErrorCode ofNumber(int number) {
    ErrorCode known = number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    return known == null ? IO_ERROR : known;
  }
}
