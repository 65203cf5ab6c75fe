package io.lockstep.lockd.posix;

import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.posix.LockEffect.Answer;
import io.lockstep.lockd.posix.LockEffect.Tell;
import io.lockstep.lockd.posix.LockRequest.Holder;
import io.lockstep.lockd.posix.LockRequest.Kind;
import io.lockstep.lockd.posix.LockRequest.Place;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Confined to its test. The lock table as one would explain it: an array of bytes for each owner
 * and file, and lists that are searched from end to end.
 */
final class FileLockModel {
  static final int BYTES = 20;

  /** One byte more stands for all that are behind them. */
  private static final int SLOTS = BYTES + 1;

  private record Slot(Place place, Holder holder) {}

  /** 0 = not locked, 1 = shared, 2 = alone. */
  private final Map<Slot, int[]> bytes = new HashMap<>();

  private final List<LockRequest> waiting = new ArrayList<>();
  private final Map<Long, TreeMap<Long, ErrorCode>> answered = new HashMap<>();
  private final Map<Long, Long> below = new HashMap<>();
  private List<LockEffect> effects = new ArrayList<>();

  List<LockEffect> request(LockRequest request) {
    effects = new ArrayList<>();
    ErrorCode before = before(request.session(), request.operation(), request.answeredBelow());
    if (before != null) {
      answer(request, before, false);
    } else if (waiting.stream().anyMatch(other -> isSame(other, request))) {
      answer(request, ErrorCode.OK, true);
    } else if (request.isLock()) {
      lock(request);
    } else {
      settle(request, ErrorCode.OK);
      if (request.kind() == Kind.DROP) {
        for (LockRequest other : List.copyOf(waiting)) {
          if (other.holder().equals(request.holder()) && other.place().equals(request.place())) {
            waiting.remove(other);
            tell(other, ErrorCode.BAD_HANDLE);
          }
        }
      }
      fill(request, 0);
      regrant();
    }
    return effects;
  }

  private void lock(LockRequest request) {
    if (request.flock() && type(request, 0) != (request.writes() ? 2 : 1)) {
      fill(request, 0);
      regrant();
    }
    if (blockers(request).isEmpty()) {
      settle(request, ErrorCode.OK);
      fill(request, request.writes() ? 2 : 1);
      regrant();
    } else if (!request.blocking()) {
      settle(request, ErrorCode.WOULD_BLOCK);
    } else if (!request.flock() && reaches(blockers(request), request.holder(), new HashSet<>())) {
      settle(request, ErrorCode.DEADLOCK);
    } else {
      waiting.add(request);
      answer(request, ErrorCode.OK, true);
    }
  }

  private boolean reaches(Set<Holder> from, Holder goal, Set<Holder> seen) {
    for (Holder holder : from) {
      if (holder.equals(goal)) {
        return true;
      }
      if (seen.add(holder)) {
        for (LockRequest other : waiting) {
          if (other.holder().equals(holder) && reaches(blockers(other), goal, seen)) {
            return true;
          }
        }
      }
    }
    return false;
  }

  List<LockEffect> cancel(long session, long operation, long answeredBelow) {
    effects = new ArrayList<>();
    ErrorCode code = before(session, operation, answeredBelow);
    if (code == null) {
      waiting.removeIf(other -> other.session() == session && other.operation() == operation);
      answered.get(session).put(operation, ErrorCode.INTERRUPTED);
      code = ErrorCode.INTERRUPTED;
    }
    effects.add(new Answer(session, operation, code, false));
    return effects;
  }

  List<LockEffect> end(long session) {
    effects = new ArrayList<>();
    waiting.removeIf(other -> other.session() == session);
    bytes.keySet().removeIf(slot -> slot.holder().session() == session);
    answered.remove(session);
    below.remove(session);
    regrant();
    return effects;
  }

  private void regrant() {
    for (int i = 0; i < waiting.size(); i++) {
      LockRequest next = waiting.get(i);
      if (blockers(next).isEmpty()) {
        waiting.remove(i);
        fill(next, next.writes() ? 2 : 1);
        tell(next, ErrorCode.OK);
        i = -1;
      }
    }
  }

  private ErrorCode before(long session, long operation, long answeredBelow) {
    below.merge(session, answeredBelow, Math::max);
    TreeMap<Long, ErrorCode> mine = answered.computeIfAbsent(session, s -> new TreeMap<>());
    if (operation < below.get(session)) {
      return ErrorCode.ANSWERED_BEFORE;
    }
    return mine.get(operation);
  }

  private Set<Holder> blockers(LockRequest request) {
    Set<Holder> blockers = new HashSet<>();
    bytes.forEach(
        (slot, types) -> {
          if (slot.place().equals(request.place()) && !slot.holder().equals(request.holder())) {
            for (int at = 0; at < SLOTS; at++) {
              boolean inside = at >= request.start() && at < request.end();
              if (inside && (types[at] == 2 || (types[at] == 1 && request.writes()))) {
                blockers.add(slot.holder());
              }
            }
          }
        });
    return blockers;
  }

  private void fill(LockRequest request, int type) {
    int[] types =
        bytes.computeIfAbsent(new Slot(request.place(), request.holder()), s -> new int[SLOTS]);
    boolean all = request.kind() == Kind.DROP || (request.flock() && type == 0);
    for (int at = 0; at < SLOTS; at++) {
      if (all || (at >= request.start() && at < request.end())) {
        types[at] = type;
      }
    }
  }

  private int type(LockRequest request, int at) {
    int[] types = bytes.get(new Slot(request.place(), request.holder()));
    return types == null ? 0 : types[at];
  }

  /** What the rows of a table should say of this owner. */
  Map<String, String> held() {
    Map<String, String> all = new TreeMap<>();
    bytes.forEach(
        (slot, types) -> {
          StringBuilder text = new StringBuilder();
          boolean any = false;
          for (int type : types) {
            text.append(".rW".charAt(type));
            any |= type != 0;
          }
          if (any) {
            all.put(slot.toString(), text.toString());
          }
        });
    return all;
  }

  /** The same of a table. */
  static Map<String, String> held(FileLockTable table) {
    Map<String, String> all = new TreeMap<>();
    for (FileLockTable.Row row : table.rows(Integer.MAX_VALUE, 0)) {
      if (!row.waiting()) {
        Place place = new Place(row.inode(), row.flock());
        Holder holder = new Holder(row.session(), row.flock(), row.owner());
        String key = new Slot(place, holder).toString();
        StringBuilder text = new StringBuilder(all.getOrDefault(key, ".".repeat(SLOTS)));
        for (long at = row.start(); at < Math.min(SLOTS, row.end()); at++) {
          if (text.charAt((int) at) != '.') {
            throw new AssertionError("byte " + at + " is in two pieces of " + key);
          }
          text.setCharAt((int) at, row.write() ? 'W' : 'r');
        }
        all.put(key, text.toString());
      }
    }
    return all;
  }

  int waiters() {
    return waiting.size();
  }

  /** The operations of a session that wait. */
  List<Long> waiting(long session) {
    return waiting.stream()
        .filter(request -> request.session() == session)
        .map(LockRequest::operation)
        .toList();
  }

  private static boolean isSame(LockRequest one, LockRequest other) {
    return one.session() == other.session() && one.operation() == other.operation();
  }

  private void settle(LockRequest request, ErrorCode code) {
    answered.get(request.session()).put(request.operation(), code);
    answer(request, code, false);
  }

  private void answer(LockRequest request, ErrorCode code, boolean isWaiting) {
    effects.add(new Answer(request.session(), request.operation(), code, isWaiting));
  }

  private void tell(LockRequest request, ErrorCode code) {
    answered.get(request.session()).put(request.operation(), code);
    effects.add(new Tell(request.session(), request.operation(), code));
  }
}
