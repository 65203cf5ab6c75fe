package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Guarded by its owner. The directory leases of one lockd as a pure state machine (P14): which
 * session may answer for names and attributes out of its own memory, and which changes wait until
 * others have let go.
 *
 * <p>A lease is granted before the master reads what it answers, and a change asks here after it
 * was executed. So a lease either is here when the change asks, and is recalled, or what its holder
 * was told already shows the change. All leases are shared; the one that conflicts with them is the
 * change of another session, which holds nothing: it waits.
 *
 * <p>Nothing survives a term. Who held a lease of a former one drops it before it tells its leases
 * to the new lockd; until every session has done so, or grace is over, changes of others wait for
 * it as if it held everything.
 */
public final class NameLeases {
  /** Session of changes that are the master's own: they wait for everybody. */
  public static final long MASTER = 0;

  /**
   * Immutable. One lease on a directory, for people.
   *
   * @param recalled it was asked back
   * @param ageNs since it was granted
   * @param holders sessions that hold the directory
   * @param waiters changes that wait for it
   */
  public record Row(
      long directory,
      long session,
      long lease,
      boolean recalled,
      long ageNs,
      int holders,
      int waiters) {}

  private static final class Held {
    long lease;
    long grantedNs;
    long recalledNs;
    Repeat repeat;

    /** Recalled by force: not to be had again before it was let go. */
    boolean cleared;

    Held(long lease, long grantedNs) {
      this.lease = lease;
      this.grantedNs = grantedNs;
    }
  }

  private record Change(long session, Set<Long> directories, long deadlineNs) {}

  private final NameLimits limits;
  private final NameRules rules;

  /** Holders by directory, then by session. */
  private final Map<Long, Map<Long, Held>> directories = new HashMap<>();

  private final Map<Long, Set<Long>> directoriesOf = new HashMap<>();
  private final Map<Long, Change> changes = new LinkedHashMap<>();

  /** How many changes wait for each directory: it is not leased to anybody meanwhile. */
  private final Map<Long, Integer> changing = new HashMap<>();

  /** Directories with a lease that was cleared by force and is not let go yet. */
  private final Set<Long> clearing = new LinkedHashSet<>();

  /** Until when a directory that was recalled is not leased again; the oldest is first. */
  private final LinkedHashMap<Long, Long> cooling = new LinkedHashMap<>();

  /** Sessions that may hold leases of a former term. */
  private final Set<Long> untold = new LinkedHashSet<>();

  /** Ended sessions, in order: one that a message has overtaken must not come back to life. */
  private final Set<Long> ended = new LinkedHashSet<>();

  private List<Effect> effects = new ArrayList<>();
  private boolean started;
  private long graceEndNs;
  private int leases;

  public NameLeases(NameLimits limits) {
    this(limits, NameRules.PRODUCTION);
  }

  NameLeases(NameLimits limits, NameRules rules) {
    this.limits = limits;
    this.rules = rules;
  }

  /** Leases granted. */
  public int leases() {
    return leases;
  }

  /** Whether time alone can change something. */
  public boolean isRestless() {
    return !changes.isEmpty() || !untold.isEmpty() || !cooling.isEmpty() || !clearing.isEmpty();
  }

  /**
   * A term begins: what was granted before is forgotten here.
   *
   * @param sessions that may hold leases of a former term
   */
  public List<Effect> onStarted(Collection<Long> sessions, long nowNs) {
    directories.clear();
    directoriesOf.clear();
    cooling.clear();
    clearing.clear();
    leases = 0;
    untold.clear();
    untold.addAll(sessions);
    untold.removeAll(ended);
    graceEndNs = nowNs + limits.graceNs();
    started = true;
    return finish();
  }

  /** The term is over: nothing is granted, and who waits looks for the next lockd. */
  public List<Effect> onStopped() {
    started = false;
    changes.keySet().forEach(id -> effects.add(new Effect.AnswerChange(id, ErrorCode.NOT_LEADER)));
    changes.clear();
    changing.clear();
    return take();
  }

  /** The session has told what it holds: it has dropped its directory leases of former terms. */
  public List<Effect> onTold(long session) {
    untold.remove(session);
    return finish();
  }

  /**
   * Whether the session holds the lease from now on. An older one of the same session goes up in
   * it; the answer is never late, and no is always right.
   */
  public boolean tryGrant(long session, long directory, long lease, long nowNs) {
    if (!started || session == MASTER || ended.contains(session) || lease <= 0) {
      return false;
    }
    Map<Long, Held> holders = directories.get(directory);
    Held held = holders == null ? null : holders.get(session);
    if (changing.containsKey(directory) || isCooling(directory, nowNs)) {
      return false;
    }
    if (held != null) {
      if (held.cleared) {
        return false;
      }
      held.lease = Math.max(held.lease, lease);
      held.grantedNs = nowNs;
      held.repeat = null;
      return true;
    }
    if (leases >= limits.leasesMax()) {
      return false;
    }
    directories
        .computeIfAbsent(directory, d -> new HashMap<>())
        .put(session, new Held(lease, nowNs));
    directoriesOf.computeIfAbsent(session, s -> new LinkedHashSet<>()).add(directory);
    leases++;
    return true;
  }

  private boolean isCooling(long directory, long nowNs) {
    Long untilNs = cooling.get(directory);
    return untilNs != null && nowNs - untilNs < 0;
  }

  /**
   * The session has changed these directories: {@link Effect.AnswerChange} follows when nobody else
   * holds a lease on them. If it is the only effect, nobody had to be asked.
   */
  public List<Effect> onChange(
      long request, long session, Collection<Long> changed, long deadlineNs, long nowNs) {
    Change change = new Change(session, new TreeSet<>(changed), deadlineNs);
    if (!isBlocked(change)) {
      effects.add(new Effect.AnswerChange(request, ErrorCode.OK));
      return take();
    }
    if (changes.size() >= limits.waitersMax()) {
      effects.add(new Effect.AnswerChange(request, ErrorCode.BUSY));
      return take();
    }
    for (long directory : change.directories) {
      recallOthers(directory, session, nowNs);
    }
    if (!rules.waitsForRecall()) {
      effects.add(new Effect.AnswerChange(request, ErrorCode.OK));
      return take();
    }
    changes.put(request, change);
    change.directories.forEach(directory -> changing.merge(directory, 1, Integer::sum));
    return take();
  }

  private void recallOthers(long directory, long session, long nowNs) {
    Map<Long, Held> holders = directories.getOrDefault(directory, Map.of());
    boolean waiting = changing.containsKey(directory);
    holders.forEach(
        (holder, held) -> {
          if (holder != session && (held.repeat == null || !waiting)) {
            beginRecall(holder, directory, held, nowNs);
          }
        });
    if (limits.coolNs() > 0 && !holders.isEmpty()) {
      cooling.remove(directory);
      cooling.put(directory, nowNs + limits.coolNs());
    }
  }

  private void beginRecall(long holder, long directory, Held held, long nowNs) {
    held.recalledNs = held.repeat == null ? nowNs : held.recalledNs;
    held.repeat = new Repeat(limits.recallPauseNs(), limits.recallPauseMaxNs(), nowNs);
    recall(holder, directory, held);
  }

  private void recall(long holder, long directory, Held held) {
    effects.add(new Effect.RecallNames(holder, directory, held.lease));
  }

  private boolean isBlocked(Change change) {
    if (!started || isUntoldBy(change.session)) {
      return true;
    }
    for (long directory : change.directories) {
      Map<Long, Held> holders = directories.getOrDefault(directory, Map.of());
      if (holders.size() > (holders.containsKey(change.session) ? 1 : 0)) {
        return true;
      }
    }
    return false;
  }

  private boolean isUntoldBy(long session) {
    return rules.waitsForFormerTerm() && untold.size() > (untold.contains(session) ? 1 : 0);
  }

  /** The session has dropped what it kept under this lease and those before it. */
  public List<Effect> onRelease(long session, long directory, long lease) {
    Map<Long, Held> holders = directories.get(directory);
    Held held = holders == null ? null : holders.get(session);
    if (held != null && held.lease <= lease) {
      end(session, directory);
      Set<Long> all = directoriesOf.get(session);
      all.remove(directory);
      if (all.isEmpty()) {
        directoriesOf.remove(session);
      }
    }
    return finish();
  }

  public List<Effect> onSessionEnded(long session) {
    untold.remove(session);
    Set<Long> held = directoriesOf.remove(session);
    if (held != null) {
      held.forEach(directory -> end(session, directory));
    }
    ended.add(session);
    if (ended.size() > limits.endedMax()) {
      ended.remove(ended.iterator().next());
    }
    return finish();
  }

  private void end(long session, long directory) {
    Map<Long, Held> holders = directories.get(directory);
    Held held = holders == null ? null : holders.remove(session);
    Check.that(held != null, "session %d holds nothing on directory %d", session, directory);
    leases--;
    if (holders.isEmpty()) {
      directories.remove(directory);
    }
  }

  /** To be called every few tens of milliseconds while {@link #isRestless}. */
  public List<Effect> onTick(long nowNs) {
    if (started && nowNs - graceEndNs >= 0) {
      untold.clear();
    }
    Iterator<Long> oldest = cooling.values().iterator();
    while (oldest.hasNext() && nowNs - oldest.next() >= 0) {
      oldest.remove();
    }
    for (Change change : changes.values()) {
      change.directories.forEach(directory -> recallAgain(directory, nowNs));
    }
    clearing.removeIf(directory -> !isClearing(directory));
    clearing.forEach(directory -> recallAgain(directory, nowNs));
    for (Iterator<Map.Entry<Long, Change>> i = changes.entrySet().iterator(); i.hasNext(); ) {
      Map.Entry<Long, Change> each = i.next();
      if (nowNs - each.getValue().deadlineNs >= 0) {
        i.remove();
        answer(each.getKey(), each.getValue(), ErrorCode.LEASE_TIMEOUT);
      }
    }
    return finish();
  }

  private void recallAgain(long directory, long nowNs) {
    directories
        .getOrDefault(directory, Map.of())
        .forEach(
            (holder, held) -> {
              if (held.repeat != null && held.repeat.isDue(nowNs)) {
                recall(holder, directory, held);
                if (nowNs - held.recalledNs >= limits.recallLimitNs()) {
                  effects.add(
                      new Effect.AskEndSession(
                          holder, "directory " + directory + " was recalled in vain"));
                }
              }
            });
  }

  private boolean isClearing(long directory) {
    return directories.getOrDefault(directory, Map.of()).values().stream().anyMatch(h -> h.cleared);
  }

  // ---- for people

  /** Up to {@code max} leases; those of directories that somebody waits to change come first. */
  public List<Row> rows(int max, long nowNs) {
    List<Row> rows = new ArrayList<>();
    addRows(changing.keySet(), true, max, nowNs, rows);
    addRows(directories.keySet(), false, max, nowNs, rows);
    return rows;
  }

  private void addRows(
      Collection<Long> which, boolean awaited, int max, long nowNs, List<Row> rows) {
    for (long directory : which) {
      Map<Long, Held> holders = directories.get(directory);
      if (holders == null || changing.containsKey(directory) != awaited) {
        continue;
      }
      for (Map.Entry<Long, Held> each : holders.entrySet()) {
        if (rows.size() == max) {
          return;
        }
        rows.add(row(directory, each.getKey(), each.getValue(), nowNs));
      }
    }
  }

  private Row row(long directory, long session, Held held, long nowNs) {
    return new Row(
        directory,
        session,
        held.lease,
        held.repeat != null,
        nowNs - held.grantedNs,
        directories.get(directory).size(),
        changing.getOrDefault(directory, 0));
  }

  /**
   * Recalls by force what this session (0 = anybody) was granted at least so long ago. Nothing is
   * lost by it; who does not let go within the life of a lease loses its session, like anybody who
   * was recalled in vain.
   *
   * @param cleared gets the rows of what is recalled, as they were
   */
  public List<Effect> onClear(long session, long ageNs, List<Row> cleared, long nowNs) {
    directories.forEach(
        (directory, holders) ->
            holders.forEach(
                (holder, held) -> {
                  boolean meant = session == 0 || holder == session;
                  if (meant && nowNs - held.grantedNs >= ageNs) {
                    cleared.add(row(directory, holder, held, nowNs));
                    held.cleared = true;
                    clearing.add(directory);
                    beginRecall(holder, directory, held, nowNs);
                  }
                }));
    return take();
  }

  /** Changes that nobody stands in the way of any more are answered. */
  private List<Effect> finish() {
    for (Iterator<Map.Entry<Long, Change>> i = changes.entrySet().iterator(); i.hasNext(); ) {
      Map.Entry<Long, Change> each = i.next();
      if (!isBlocked(each.getValue())) {
        i.remove();
        answer(each.getKey(), each.getValue(), ErrorCode.OK);
      }
    }
    return take();
  }

  private void answer(long request, Change change, ErrorCode code) {
    change.directories.forEach(
        directory ->
            changing.computeIfPresent(directory, (d, count) -> count == 1 ? null : count - 1));
    effects.add(new Effect.AnswerChange(request, code));
  }

  private List<Effect> take() {
    if (effects.isEmpty()) {
      return List.of();
    }
    List<Effect> taken = effects;
    effects = new ArrayList<>();
    return taken;
  }
}
