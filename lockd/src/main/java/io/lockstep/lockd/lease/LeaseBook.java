package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.Token;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the agent of its table. What the inodes of one table share: the source of tokens, the
 * ends that are remembered, the counts against the limits, and the effects of the transition.
 */
final class LeaseBook {
  private record Place(long session, long inode) {}

  private record Ended(long lease, long atNs) {}

  final LeaseRules rules;
  final LeaseLimits limits;

  /** Last ended id by session and inode (P4); the oldest end is first. */
  private final LinkedHashMap<Place, Ended> ended = new LinkedHashMap<>();

  /** Where each session holds or awaits a lease. */
  private final Map<Long, Set<Long>> inodesOf = new LinkedHashMap<>();

  private List<Effect> effects = new ArrayList<>();
  private long term;
  private long sequence;
  private long lastQuery;
  private int waiters;
  private int leases;
  private boolean granting;

  /** Sets that were away when this term looked for what the former one left. */
  private Set<Long> unswept = Set.of();

  LeaseBook(LeaseRules rules, LeaseLimits limits) {
    this.rules = rules;
    this.limits = limits;
  }

  void emit(Effect effect) {
    effects.add(effect);
  }

  List<Effect> takeEffects() {
    List<Effect> taken = effects;
    effects = new ArrayList<>();
    return taken;
  }

  void begin(long newTerm) {
    Check.that(newTerm > 0, "term %d", newTerm);
    term = newTerm;
  }

  long term() {
    return term;
  }

  /** Newer than every token before, of any inode and of any former term (P6). */
  Token nextToken() {
    sequence++;
    return new Token(term, sequence);
  }

  long nextQuery() {
    lastQuery++;
    return lastQuery;
  }

  boolean isGranting() {
    return granting;
  }

  void setGranting(boolean granting) {
    this.granting = granting;
  }

  Set<Long> unswept() {
    return unswept;
  }

  void setUnswept(Set<Long> unswept) {
    this.unswept = Set.copyOf(unswept);
  }

  boolean mayQueue() {
    return waiters < limits.waitersMax() && leases < limits.leasesMax();
  }

  void countWaiters(int change) {
    waiters += change;
    Check.that(waiters >= 0, "%d waiters", waiters);
  }

  void countLeases(int change) {
    leases += change;
    Check.that(leases >= 0, "%d leases", leases);
  }

  int waiters() {
    return waiters;
  }

  int leases() {
    return leases;
  }

  /** 0 if none is remembered. */
  long lastEnded(long session, long inode) {
    Ended last = ended.get(new Place(session, inode));
    return last == null ? 0 : last.lease;
  }

  /** Remembers the end of this id and of all below it. */
  void remember(long session, long inode, long lease, long nowNs) {
    Place place = new Place(session, inode);
    Ended last = ended.remove(place);
    long highest = last == null ? lease : Math.max(last.lease, lease);
    ended.put(place, new Ended(highest, nowNs));
    if (ended.size() > limits.endedMax()) {
      ended.remove(ended.keySet().iterator().next());
    }
  }

  /** Drops the ends that no message in flight can still speak of. */
  void forgetOldEnds(long nowNs) {
    Iterator<Ended> oldest = ended.values().iterator();
    while (oldest.hasNext() && nowNs - oldest.next().atNs > limits.endedKeptNs()) {
      oldest.remove();
    }
  }

  void forgetEndsOf(long session) {
    ended.keySet().removeIf(place -> place.session == session);
  }

  void link(long session, long inode) {
    inodesOf.computeIfAbsent(session, s -> new LinkedHashSet<>()).add(inode);
  }

  void unlink(long session, long inode) {
    Set<Long> inodes = inodesOf.get(session);
    if (inodes != null && inodes.remove(inode) && inodes.isEmpty()) {
      inodesOf.remove(session);
    }
  }

  /** A copy: the inodes where this session holds or awaits a lease. */
  List<Long> inodesOf(long session) {
    return List.copyOf(inodesOf.getOrDefault(session, Set.of()));
  }
}
