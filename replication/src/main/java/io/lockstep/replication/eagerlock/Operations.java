package io.lockstep.replication.eagerlock;

import io.lockstep.core.Check;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to its {@link EagerLock}. The operations of one inode at one client: those who own the
 * lease, those who wait for an owner or for the grant, and those who are frozen until the next
 * lease. Both queues are first come, first served.
 */
final class Operations {
  record Tx(long id, Kind kind, Range range) {}

  /** What an owner needs to be known by when it is done. */
  record Owner(Tx tx, long cycle) {}

  private final EagerLockRules rules;
  private final Map<Long, Owner> owners = new LinkedHashMap<>();
  private ArrayDeque<Tx> waiting = new ArrayDeque<>();
  private ArrayDeque<Tx> frozen = new ArrayDeque<>();

  Operations(EagerLockRules rules) {
    this.rules = rules;
  }

  Operations(Operations from) {
    rules = from.rules;
    owners.putAll(from.owners);
    waiting = from.waiting.clone();
    frozen = from.frozen.clone();
  }

  boolean isOwned() {
    return !owners.isEmpty();
  }

  boolean hasWaiting() {
    return !waiting.isEmpty();
  }

  boolean hasFrozen() {
    return !frozen.isEmpty();
  }

  // ---- owners

  void own(Tx tx, long cycle) {
    owners.put(tx.id, new Owner(tx, cycle));
  }

  Owner end(long tx) {
    Owner owner = owners.remove(tx);
    Check.that(owner != null, "operation %d is done but was not started", tx);
    return owner;
  }

  boolean isOwningHold(long tx) {
    Owner owner = owners.get(tx);
    return owner != null && owner.tx.kind == Kind.HOLD;
  }

  boolean isOwnedByHold() {
    return owners.values().stream().anyMatch(owner -> owner.tx.kind == Kind.HOLD);
  }

  /** An owner that would need more than {@code held}, or null. */
  Owner uncovered(Mode held) {
    for (Owner owner : owners.values()) {
      if (!rules.covers(held, owner.tx.kind.mode())) {
        return owner;
      }
    }
    return null;
  }

  // ---- those who wait

  void await(Tx tx) {
    waiting.add(tx);
  }

  void freeze(Tx tx) {
    frozen.add(tx);
  }

  /** All who wait, in order; who does not start is to {@link #await} again, in this order. */
  ArrayDeque<Tx> takeWaiting() {
    ArrayDeque<Tx> taken = waiting;
    waiting = new ArrayDeque<>();
    return taken;
  }

  /** Takes out those who need more than {@code held}, which is null if nothing is. */
  List<Tx> takeUncovered(Mode held) {
    List<Tx> taken = waiting.stream().filter(tx -> isUncovered(tx, held)).toList();
    waiting.removeIf(tx -> isUncovered(tx, held));
    return taken;
  }

  private boolean isUncovered(Tx tx, Mode held) {
    return held == null || !rules.covers(held, tx.kind.mode());
  }

  boolean giveUp(long tx) {
    return waiting.removeIf(t -> t.id == tx) || frozen.removeIf(t -> t.id == tx);
  }

  /** The lease goes: whoever waits waits for the next one, ahead of those who came later. */
  void freezeWaiting() {
    waiting.addAll(frozen);
    frozen = waiting;
    waiting = new ArrayDeque<>();
  }

  /** The lease is gone. */
  void thaw() {
    Check.that(waiting.isEmpty(), "some wait for a lease that is gone: %s", waiting);
    waiting = frozen;
    frozen = new ArrayDeque<>();
  }

  /** What all who wait need. */
  Mode wanted() {
    return needsMoreThan(Mode.SHARED) ? Mode.EXCLUSIVE : Mode.SHARED;
  }

  boolean needsMoreThan(Mode held) {
    for (Tx tx : waiting) {
      if (!rules.covers(held, tx.kind.mode())) {
        return true;
      }
    }
    return false;
  }

  /** Whether {@code tx} may own the lease {@code held} now, behind those who wait already. */
  boolean mayStart(Tx tx, Mode held) {
    return rules.covers(held, tx.kind.mode()) && !conflicts(tx, held);
  }

  private boolean conflicts(Tx tx, Mode held) {
    for (Tx earlier : waiting) {
      // A reader behind a writer who waits for an upgrade would keep the shared lease busy.
      if (rules.waitsFor(tx.range, earlier.range) || !rules.covers(held, earlier.kind.mode())) {
        return true;
      }
    }
    if (tx.range.isEmpty()) {
      return false;
    }
    for (Owner owner : owners.values()) {
      if (rules.waitsFor(tx.range, owner.tx.range)) {
        return true;
      }
    }
    return false;
  }

  // ---- for people and explorers

  List<Tx> owners() {
    return owners.values().stream().map(Owner::tx).toList();
  }

  List<Tx> waiting() {
    return List.copyOf(waiting);
  }

  List<Tx> frozen() {
    return List.copyOf(frozen);
  }

  /** The order of owners decides nothing, and neither do the numbers of operations. */
  void appendKey(StringBuilder key, long cycleBase) {
    owners.values().stream()
        .map(owner -> key(owner.tx) + (owner.cycle == 0 ? 0 : owner.cycle - cycleBase))
        .sorted()
        .forEach(key::append);
    key.append('w');
    waiting.forEach(tx -> key.append(key(tx)));
    key.append('f');
    frozen.forEach(tx -> key.append(key(tx)));
  }

  private static String key(Tx tx) {
    return "" + tx.kind.name().charAt(0) + tx.range.offset() + ',' + tx.range.end() + '@';
  }

  @Override
  public String toString() {
    return "owners=" + owners.values() + " waiting=" + waiting + " frozen=" + frozen;
  }
}
