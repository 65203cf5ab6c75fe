package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. Locks and leases that were held, and writes that replicas took under a
 * fencing token. Nobody holds a lock beside one who holds it exclusively; tokens of exclusive
 * grants rise in the order of time; no replica takes a write of an older token than the newest that
 * it knows for that object.
 */
public final class LockHistory {
  /**
   * A fencing token.
   *
   * @param term the newer term has the newer tokens
   */
  public record Fence(long term, long sequence) implements Comparable<Fence> {
    private static final Comparator<Fence> ORDER =
        Comparator.comparingLong(Fence::term).thenComparingLong(Fence::sequence);

    /** Of locks that have none. */
    public static final Fence NONE = new Fence(0, 0);

    @Override
    public int compareTo(Fence other) {
      return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
      return term + "." + sequence;
    }
  }

  /** Somebody who surely has the lock. */
  public static final class Hold {
    private final String who;
    private final String lock;
    private final boolean exclusive;
    private final Fence token;
    private final long fromNs;
    private long untilNs;

    private Hold(String who, String lock, boolean exclusive, Fence token, long fromNs) {
      this.who = who;
      this.lock = lock;
      this.exclusive = exclusive;
      this.token = token;
      this.fromNs = fromNs;
      this.untilNs = fromNs;
    }

    private String words() {
      return who
          + (exclusive ? " held it exclusively from " : " held it shared from ")
          + RegisterHistory.time(fromNs)
          + " to "
          + RegisterHistory.time(untilNs)
          + (token.equals(Fence.NONE) ? "" : " with token " + token);
    }
  }

  private record Accepted(String replica, String object, Fence token, long atNs) {}

  private final List<Hold> holds = new ArrayList<>();
  private final Map<String, Accepted> newest = new TreeMap<>();
  private final List<Violation> fenced = new ArrayList<>();
  private int accepted;

  // ---- what is written down

  /**
   * A lock was granted: the answer was there at {@code nowNs}.
   *
   * @param token {@link Fence#NONE} if the lock has none
   */
  public Hold granted(String who, String lock, boolean exclusive, Fence token, long nowNs) {
    Hold hold = new Hold(who, lock, exclusive, token, nowNs);
    holds.add(hold);
    return hold;
  }

  /**
   * The lock was surely held until then: its release began, or something succeeded that succeeds
   * for its holder only.
   */
  public void held(Hold hold, long nowNs) {
    hold.untilNs = Math.max(hold.untilNs, nowNs);
  }

  /**
   * A replica took a write, or a seal, with this token; told in the order in which it did.
   *
   * @param write false for a seal: it raises the token too, but may come again with an older one
   */
  public void accepted(String replica, String object, Fence token, boolean write, long nowNs) {
    accepted++;
    String key = replica + " " + object;
    Accepted before = newest.get(key);
    if (before != null && before.token.compareTo(token) > 0) {
      if (write) {
        fenced.add(
            new Violation(
                object,
                replica
                    + " took a write with token "
                    + token
                    + " at "
                    + RegisterHistory.time(nowNs)
                    + ", after token "
                    + before.token
                    + " at "
                    + RegisterHistory.time(before.atNs)));
      }
      return;
    }
    newest.put(key, new Accepted(replica, object, token, nowNs));
  }

  /** How many writes and seals replicas took. */
  public int accepted() {
    return accepted;
  }

  public int holds() {
    return holds.size();
  }

  // ---- whether it can be

  /** What the history violates; empty if nothing. */
  public List<Violation> violations() {
    List<Violation> violations = new ArrayList<>(fenced);
    Map<String, List<Hold>> locks = new TreeMap<>();
    holds.forEach(hold -> locks.computeIfAbsent(hold.lock, lock -> new ArrayList<>()).add(hold));
    locks.forEach(
        (lock, all) -> {
          all.sort(Comparator.comparingLong(hold -> hold.fromNs));
          overlaps(lock, all, violations);
          tokens(lock, all, violations);
        });
    return violations;
  }

  /** In order of begin: the one that lasts longest so far, and the longest exclusive one. */
  private static void overlaps(String lock, List<Hold> all, List<Violation> violations) {
    Hold longest = null;
    Hold exclusive = null;
    for (Hold hold : all) {
      Hold against = hold.exclusive ? longest : exclusive;
      if (against != null && against.untilNs > hold.fromNs) {
        violations.add(new Violation(lock, against.words() + ", and " + hold.words()));
      }
      longest = longest == null || hold.untilNs > longest.untilNs ? hold : longest;
      boolean longer = exclusive == null || hold.untilNs > exclusive.untilNs;
      exclusive = hold.exclusive && longer ? hold : exclusive;
    }
  }

  private static void tokens(String lock, List<Hold> all, List<Violation> violations) {
    Hold before = null;
    for (Hold hold : all) {
      if (!hold.exclusive || hold.token.equals(Fence.NONE)) {
        continue;
      }
      if (before != null && before.token.compareTo(hold.token) >= 0) {
        violations.add(
            new Violation(
                lock, "tokens do not rise: " + before.words() + ", then " + hold.words()));
      }
      before = before == null || before.token.compareTo(hold.token) < 0 ? hold : before;
    }
  }

  void tell(String object, Story story) {
    for (Hold hold : holds) {
      if (hold.lock.equals(object)) {
        String how = hold.exclusive ? " holds it exclusively" : " holds it shared";
        String token = hold.token.equals(Fence.NONE) ? "" : ", token " + hold.token;
        story.add(hold.fromNs, hold.untilNs, hold.who + how + token);
      }
    }
  }
}
