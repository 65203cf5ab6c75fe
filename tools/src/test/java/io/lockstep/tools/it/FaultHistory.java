package io.lockstep.tools.it;

import io.lockstep.simulation.check.AppendHistory;
import io.lockstep.simulation.check.Change;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import io.lockstep.simulation.check.LockHistory.Fence;
import io.lockstep.simulation.check.LockHistory.Hold;
import io.lockstep.simulation.check.NameHistory;
import io.lockstep.simulation.check.RegisterHistory;
import io.lockstep.simulation.check.Violation;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.TokenMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Guarded by its own lock. What the threads of a load saw on real mounts, for the checkers that the
 * simulator has too. A client is one run of one mount: what it was not told to be durable may go
 * with it.
 */
final class FaultHistory {
  private static final int SHOWN_MAX = 8;
  private static final int STORY_MAX = 60;
  private static final Pattern VALUE = Pattern.compile("value (\\d+)");

  private record Cell(String file, int cell) {}

  /**
   * A lock that somebody was granted.
   *
   * @param fence newer than those of all before
   */
  record Lock(Hold hold, Fence fence) {}

  /** A lease as long as neither its mode nor its token changes. */
  private record Lease(long session, long inode, long id, boolean exclusive, Fence token) {}

  private final History history = new History();

  /** The newest read that found something; after the load, a read of all. */
  private Cell lastSeen = new Cell("", 0);

  private int durable;

  /**
   * Writes that have not returned, and their clients. The kernel shows their bytes to others of its
   * mount before the mount hears of them (see "Limits" in README), and so binds nobody elsewhere.
   */
  private final Map<Integer, String> underWay = new HashMap<>();

  private int early;

  /** Those that were seen. */
  private final Map<Lease, Hold> leases = new HashMap<>();

  /** The last exclusive one of each inode. */
  private final Map<Long, Lease> holders = new HashMap<>();

  /** By number: the exclusive lock under which it was written, in the order of grants. */
  private final Map<Integer, Fence> fences = new HashMap<>();

  private String lastLocked;
  private Lease lastLease;
  private int locks;
  private int moves;

  /** By number, of those that are written under close-to-open: the client. */
  private final Map<Integer, String> looseWriters = new HashMap<>();

  /** Those of them that have not returned; see {@link #underWay}. */
  private final Set<Integer> looseUnderWay = new HashSet<>();

  /** Of two files under close-to-open: they begin anew when all lost power. */
  private int looseAge;

  private String lastClosed;
  private int looseShared;

  // ---- cells

  synchronized History.Write begin(String client, String file, int first, int cells) {
    History.Write write = history.begin(client, file, first, cells, System.nanoTime());
    underWay.put(write.value(), client);
    return write;
  }

  /** It returned with an error: nobody knows whether it was done. */
  synchronized void failed(History.Write write) {
    underWay.remove(write.value());
  }

  synchronized void end(Change change, Promise promise, long endNs) {
    history.end(change, promise, endNs);
    underWay.remove(change.value());
    durable += promise == Promise.DURABLE ? 1 : 0;
  }

  synchronized void read(
      String client, String file, int first, int[] values, long startNs, long endNs) {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0) {
        history.torn(client, file, first + i, endNs);
      } else if (client.equals(underWay.get(values[i]))) {
        early++;
      } else {
        history.read(client, file, first + i, values[i], startNs, endNs);
        lastSeen = values[i] > 0 ? new Cell(file, first + i) : lastSeen;
      }
    }
  }

  synchronized void kept(String client, String file, Promise promise, long openedNs, long beganNs) {
    history.kept(client, file, promise, openedNs, beganNs);
    durable += promise == Promise.DURABLE ? 1 : 0;
  }

  /** What was told to be durable so far: synchronous writes, and fsyncs. */
  synchronized int durable() {
    return durable;
  }

  /** The client died, or was told EIO for this file; null = for all. */
  synchronized void lost(String client, String file) {
    history.lost(client, file, System.nanoTime());
  }

  /** No replica in step was left running. */
  synchronized void blackout() {
    history.blackout(System.nanoTime());
    looseAge++;
  }

  // ---- records

  synchronized AppendHistory.Append beginAppend(String client, String file) {
    return history.appends().begin(client, file, System.nanoTime());
  }

  synchronized void readRecords(
      String client, String file, long first, int[] values, boolean toEnd, long start, long end) {
    history.appends().read(client, file, first, values, toEnd, start, end);
  }

  // ---- names

  synchronized void create(
      String client, String name, NameHistory.Result result, long startNs, long endNs) {
    history.names().create(client, name, result, startNs, endNs);
  }

  /** Errors leave it open whether it happened: {@code done} false. */
  synchronized void replace(
      String client, String target, int value, boolean done, long startNs, long endNs) {
    history.names().replace(client, target, value, startNs, done ? endNs : RegisterHistory.NEVER);
  }

  synchronized void readTarget(String client, String target, int value, long start, long end) {
    history.names().read(client, target, value, start, end);
  }

  synchronized void vanished(String client, String target, long startNs, long endNs) {
    history.names().vanished(client, target, startNs, endNs);
  }

  // ---- locks and leases

  synchronized void counterBegins(String name) {
    history.names().born(name, number(0));
    fences.put(0, new Fence(1, 0));
  }

  private static String number(int value) {
    return "number " + value;
  }

  synchronized Lock locked(String client, String name, boolean exclusive) {
    locks++;
    Hold hold = history.locks().granted(client, name, exclusive, Fence.NONE, System.nanoTime());
    if (exclusive) {
      lastLocked = name;
    }
    return new Lock(hold, new Fence(1, locks));
  }

  /** This number is going to be written under this lock, which may be lost by now. */
  synchronized void writes(int value, Lock lock) {
    fences.put(value, lock.fence);
  }

  /**
   * Somebody with a lock found this number, so it was written last: what was written under a later
   * lock is not overwritten under an earlier one.
   */
  synchronized void found(String name, int value) {
    Fence fence = fences.getOrDefault(value, Fence.NONE);
    history.locks().accepted("the members", name, fence, true, System.nanoTime());
  }

  /** Something succeeded that began then and succeeds for who has the lock only. */
  synchronized void heldAt(Lock lock, long atNs) {
    history.locks().held(lock.hold, atNs);
  }

  /** Each number is replaced by one. */
  synchronized void replaced(
      String client,
      String name,
      int from,
      int to,
      NameHistory.Result result,
      long startNs,
      long endNs) {
    history.names().move(client, name, number(from), number(to), result, startNs, endNs);
  }

  synchronized void looked(String client, String name, int value, long startNs, long endNs) {
    history.names().look(client, name, number(value), true, startNs, endNs);
  }

  /** lockd said that this session has a lease. */
  synchronized void leased(LeaseRow row, long atNs) {
    boolean exclusive = row.getMode() == LeaseMode.EXCLUSIVE;
    TokenMessage token = row.getToken();
    // Tokens are of exclusive grants; a shared one shows the newest.
    Fence fence = exclusive ? new Fence(token.getTerm(), token.getSequence()) : Fence.NONE;
    Lease lease = new Lease(row.getSession(), row.getInode(), row.getLease(), exclusive, fence);
    String who = "session " + row.getSession();
    Hold hold = leases.computeIfAbsent(lease, key -> granted(who, key, atNs));
    history.locks().held(hold, atNs);
    if (exclusive) {
      Lease before = holders.put(row.getInode(), lease);
      moves += before != null && before.session != row.getSession() ? 1 : 0;
      lastLease = lease;
    }
  }

  private Hold granted(String who, Lease lease, long atNs) {
    return history.locks().granted(who, "inode " + lease.inode, lease.exclusive, lease.token, atNs);
  }

  /** Whether locks were held, and leases moved from one mount to another. */
  synchronized boolean hasMoves() {
    return lastLocked != null && moves > 0;
  }

  // ---- close-to-open

  /** The file of this kind now. */
  synchronized String loose(String kind) {
    return kind + looseAge;
  }

  /** Whether what was closed in this file is promised to whoever opens it. */
  private boolean isPromised(String file) {
    return file.endsWith(Integer.toString(looseAge));
  }

  /** A write begins that is closed at once. */
  synchronized void beginLoose(String client, int value) {
    looseWriters.put(value, client);
    looseUnderWay.add(value);
  }

  /** It returned; its descriptor is still open. */
  synchronized void endLoose(int value) {
    looseUnderWay.remove(value);
  }

  /** All of it is over. */
  synchronized void closed(String client, String file, int value, long startNs, long closedNs) {
    looseUnderWay.remove(value);
    boolean stays = closedNs != RegisterHistory.NEVER && isPromised(file);
    history.loose().written(client, file, value, startNs, stays ? closedNs : RegisterHistory.NEVER);
    lastClosed = stays ? file : lastClosed;
  }

  synchronized void readLoose(
      String client, String file, String descriptor, int value, long openedNs, long readNs) {
    String writer = looseWriters.get(value);
    boolean isEarly = looseUnderWay.contains(value) && client.equals(writer);
    if (!isEarly && isPromised(file)) {
      history.loose().read(client, file, descriptor, value, openedNs, readNs);
      looseShared += writer != null && !client.equals(writer) ? 1 : 0;
    }
  }

  /** Whether what was written on one loose mount was read on another. */
  synchronized boolean isLooseShared() {
    return lastClosed != null && looseShared > 0;
  }

  // ---- judged

  /**
   * To see that the checkers are awake: somebody finds nothing in a cell where something was found
   * before; somebody has the lock beside its owner; a lease is granted with a token that was; the
   * first number comes back; somebody opens what was closed, and finds nothing.
   */
  synchronized void plant() {
    long nowNs = System.nanoTime();
    history.read(
        "planted reader", lastSeen.file, lastSeen.cell, RegisterHistory.INITIAL, nowNs, nowNs);
    // Of its own: the real ones may have been followed by many.
    Hold owned = history.locks().granted("an owner", lastLocked, true, Fence.NONE, nowNs);
    history.locks().held(owned, nowNs + 1);
    history.locks().granted("planted owner", lastLocked, true, Fence.NONE, nowNs);
    granted("planted session", lastLease, nowNs);
    found(lastLocked, 0);
    history.loose().read("planted opener", lastClosed, "planted", 0, nowNs, nowNs);
  }

  synchronized List<Violation> violations() {
    return history.violations();
  }

  /** Few of them, each with what happened to its object about the values that it speaks of. */
  synchronized List<String> told(List<Violation> violations) {
    List<String> lines = new ArrayList<>();
    for (Violation violation : violations.subList(0, Math.min(SHOWN_MAX, violations.size()))) {
      lines.add(violation.toString());
      List<String> story = history.story(violation.object());
      int[] told =
          IntStream.range(0, story.size())
              .filter(i -> speaksOf(violation.what(), story.get(i)))
              .toArray();
      int last = told.length == 0 ? story.size() - 1 : told[told.length - 1] + STORY_MAX / 2;
      int end = Math.min(story.size(), last + 1);
      lines.addAll(story.subList(Math.max(0, end - STORY_MAX), end));
    }
    return lines;
  }

  private static boolean speaksOf(String what, String line) {
    Matcher value = VALUE.matcher(what);
    return value.results().anyMatch(v -> line.matches(".*\\b" + v.group(1) + "\\b.*"));
  }

  synchronized String counts() {
    return history.writes()
        + " writes and "
        + history.reads()
        + " reads of cells, "
        + early
        + " more saw a write of their mount that had not returned, "
        + history.appends().appends()
        + " appends, "
        + history.names().creations()
        + " exclusive creations, "
        + history.names().looks()
        + " looks at replaced files, "
        + locks
        + " locks, "
        + leases.size()
        + " leases, "
        + moves
        + " moves of exclusive ones between mounts, "
        + history.loose().reads()
        + " reads of files that were opened loosely, "
        + looseShared
        + " of what another mount had written, "
        + durable
        + " times told durable";
  }
}
